"""Applies the example root to a moto server on loopback and destroys it again: `python infra/apply.py [terraform init options]`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from moto.server import ThreadedMotoServer

from tickover.aws.offline import examine_file

ROOT = Path(__file__).resolve().parent / "terraform" / "example"


def main() -> None:
    """Init, apply, a look at what there is, destroy."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        # moto would run functions in Docker; nothing is to run here.
        config = urllib.request.Request(
            f"{endpoint}/moto-api/config", json.dumps({"lambda": {"use_docker": False}}).encode(), method="POST"
        )
        urllib.request.urlopen(config, timeout=10).close()
        terraform("init", "-input=false", *sys.argv[1:])
        options = ["-auto-approve", "-input=false", f"-var=local_endpoint={endpoint}"]
        terraform("apply", *options)
        terraform("state", "list")
        broken = examined()
        terraform("destroy", *options)
        if broken:
            sys.exit("the doctor found something broken")
    finally:
        server.stop()
        for left in ("terraform.tfstate", "terraform.tfstate.backup", "terraform.tfstate.json"):
            (ROOT / left).unlink(missing_ok=True)


def examined() -> bool:
    """What the doctor says of the state that was made, and whether anything in it is broken."""
    shown = subprocess.run(["terraform", "show", "-json"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    state = ROOT / "terraform.tfstate.json"  # beside the code, from where its packages are named
    state.write_text(shown, encoding="utf-8")
    found = list(examine_file(state, {}))
    for finding in found:
        print(f"doctor: {finding.level}: {finding.check}: {finding.said} {finding.mend}")
    return any(finding.level == "broken" for finding in found)


def terraform(*arguments: str) -> None:
    """Runs terraform in the example's folder; its failure is ours."""
    ended = subprocess.run(
        ["terraform", *arguments], cwd=ROOT, env={**os.environ, "TF_IN_AUTOMATION": "1"}, check=False
    )
    if ended.returncode:
        sys.exit(f"terraform {arguments[0]} failed")


if __name__ == "__main__":
    main()
