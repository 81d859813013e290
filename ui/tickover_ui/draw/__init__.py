"""The charts of the pages, one file a page, made with the tools of `tickover_ui.svg`."""
