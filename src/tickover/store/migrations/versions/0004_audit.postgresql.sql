CREATE TABLE audit (
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    who TEXT NOT NULL,
    role TEXT DEFAULT '' NOT NULL,
    address TEXT DEFAULT '' NOT NULL,
    action TEXT NOT NULL,
    target TEXT DEFAULT '' NOT NULL,
    count INTEGER DEFAULT '1' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    result TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX audit_at ON audit (at);

CREATE INDEX audit_target ON audit (target, id);
