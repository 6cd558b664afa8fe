-- All times are the database's. Numbers of readings must keep their text, so parts and events are json and not jsonb.

create function wx_now() returns timestamptz language sql stable as 'select statement_timestamp()';
comment on function wx_now() is 'the time of every lease and due time; a test may replace it';

create function wx_now_ms() returns bigint language sql stable as 'select floor(extract(epoch from wx_now()) * 1000)::bigint';
comment on function wx_now_ms() is 'the same in Unix milliseconds';

create function wx_writer(former uuid, changed xid8, me uuid, seen xid8) returns uuid language sql immutable
    as 'select case when former = me or changed < seen then me end';
comment on function wx_writer(uuid, xid8, uuid, xid8) is
    'who need not follow a row that `me` changes, who has followed all transactions before `seen`; null: `me` has to as well,
    for it may not have heard of what another replica did to the row before';

create table installation (
    only_row bool primary key default true check (only_row),
    id uuid not null,
    system_identifier bigint not null,
    timeline int not null,
    suspended text,
    canary text,
    canary_until timestamptz,
    accepted bigint not null default 0,
    moved_to text,
    transfer text
);
comment on column installation.id is 'that of the key file; another one is refused';
comment on column installation.system_identifier is 'of pg_control_system(): another one means a dump that was restored';
comment on column installation.timeline is 'of the write-ahead log; a fail-over raises it';
comment on column installation.suspended is 'why no login is rotated; null: all are';
comment on column installation.accepted is 'counts `storage accept-restore`';
comment on column installation.moved_to is 'the directory into which everything was exported; null: it is here';
comment on column installation.transfer is 'the latest import or export that is done';
comment on column installation.canary is 'the profile that is rotated first after a doubt, and alone until canary_until';

create table budget (
    only_row bool primary key default true check (only_row),
    state bytea not null check (length(state) = 32)
) with (fillfactor = 10);
comment on table budget is 'the one budget of requests; changed for each of them, so its page has room for many versions';

create table login (
    profile text primary key,
    person text not null,
    version bigint not null,
    sealed bytea not null,
    expires_at bigint not null,
    connected_at bigint not null,
    demo bool not null,
    holder uuid,
    held_until timestamptz,
    refused bool not null default false,
    changed xid8 not null default pg_current_xact_id()
) with (fillfactor = 70);
create index login_changed on login (changed);
create index login_person on login (person);
comment on column login.sealed is 'sealed with the key of the key file, for this profile and version';
comment on column login.holder is 'who rotates it until held_until';
comment on column login.refused is 'Withings has refused its tokens, in this version';

create table work (
    profile text primary key,
    plan json,
    marks jsonb not null default '{}',
    fence bigint not null default floor(extract(epoch from clock_timestamp()) * 1000)::bigint,
    holder uuid,
    held_until timestamptz,
    held_since bigint,
    writer uuid,
    changed xid8 not null default pg_current_xact_id()
) with (fillfactor = 50);
create index work_changed on work (changed);
comment on column work.plan is 'null: a person has just logged in, and every replica makes the same plan';
comment on column work.marks is 'the calls that Withings has news of, and when that came, Unix milliseconds';
comment on column work.fence is 'counts the claims: what a former one saves is refused. It begins with the time, so that a row
    that is made again goes on above the former one';
comment on column work.held_since is 'when the claim began, Unix milliseconds: it knows of the marks until then';
comment on column work.writer is 'the replica that wrote the row last, which need not follow it; null: all have to';

create table snapshot (
    profile text primary key,
    person text,
    parts json not null,
    events json,
    writer uuid,
    changed xid8 not null default pg_current_xact_id()
) with (fillfactor = 80);
comment on column snapshot.writer is 'as that of work';
create index snapshot_changed on snapshot (changed);

create table gone (
    profile text primary key,
    changed xid8 not null default pg_current_xact_id()
);
create index gone_changed on gone (changed);
comment on table gone is 'forgotten profiles: tells the replicas';

create table sent (
    digest bigint primary key,
    at timestamptz not null
);
comment on table sent is 'which arguments were sent when: the same are not sent again within 11 s';

create table pending (
    digest text primary key,
    pending jsonb not null,
    started_at timestamptz not null default wx_now()
);
comment on table pending is 'logins that have begun, by the digest of their state';

create table waiting (
    confirmation text primary key,
    profile text not null,
    sealed bytea not null,
    since timestamptz not null default wx_now()
);
comment on table waiting is 'consents that wait for a person''s word, by the digest of what confirms them';
comment on column waiting.since is '-infinity: it does not wait any more, and is to be revoked';

create table callbacks (
    profile text primary key,
    sealed bytea not null
);

create table secret (
    name text primary key,
    sealed bytea not null
);
