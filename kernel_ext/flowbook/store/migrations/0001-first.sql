-- The one counter's floor, what is projected, versions.
create table meta (name varchar primary key, value varchar);
insert into meta values ('projected_seq', '0');

-- Append-only and complete: the latest-state tables below follow from `changes`, in order of `seq`.
-- Kinds that begin with `#` are named transactions; they are no part of an execution's story.
create table events (
    seq bigint, execution_id varchar, ts timestamptz, kind varchar, payload json, changes json,
    client varchar, number bigint
);
create table seen (client varchar, number bigint, ts timestamptz);

-- Records: not folded.
create table logs (
    seq bigint, execution_id varchar, task_run_id varchar, task_id varchar, attempt integer,
    namespace varchar, flow_id varchar, trigger_id varchar, ts timestamptz, level varchar, thread varchar,
    message varchar
);
create table metrics (
    seq bigint, execution_id varchar, task_run_id varchar, task_id varchar, attempt integer,
    namespace varchar, flow_id varchar, ts timestamptz, name varchar, kind varchar, value double, tags json
);
create table cells (
    seq bigint, execution_id varchar, task_run_id varchar, task_id varchar, attempt integer,
    namespace varchar, flow_id varchar, cell integer, cell_id varchar, state varchar,
    started_at timestamptz, ended_at timestamptz, outputs integer, text varchar, error json
);

-- The projection.
create table executions (
    id varchar primary key, namespace varchar, flow_id varchar, flow_revision integer, state varchar,
    created_at timestamptz, started_at timestamptz, ended_at timestamptz, schedule_date timestamptz,
    histories json, labels json, inputs json, outputs json, variables json, "trigger" json, error json,
    parent_id varchar, original_id varchar, attempt_number integer, kind varchar, task_runs integer,
    draft boolean
);
create table task_runs (
    id varchar primary key, execution_id varchar, namespace varchar, flow_id varchar, task_id varchar,
    type varchar, parent_id varchar, value varchar, iteration integer, position integer, state varchar,
    started_at timestamptz, ended_at timestamptz, histories json, attempts integer, error json,
    progress json
);
create table attempts (
    task_run_id varchar, number integer, execution_id varchar, state varchar, started_at timestamptz,
    ended_at timestamptz, host varchar, error json, rendered json, primary key (task_run_id, number)
);
create table outputs (
    task_run_id varchar primary key, execution_id varchar, namespace varchar, flow_id varchar,
    task_id varchar, value varchar, outputs json
);
create table artifacts (
    uri varchar primary key, execution_id varchar, task_run_id varchar, task_id varchar, name varchar,
    kind varchar, rows bigint, bytes bigint, columns json
);
create table flows (
    namespace varchar, id varchar, revision integer, disabled boolean, deleted boolean, origin varchar,
    labels json, description varchar, draft boolean, updated_at timestamptz, primary key (namespace, id)
);
create table revisions (
    namespace varchar, flow_id varchar, revision integer, source varchar, digest varchar, folder varchar,
    draft boolean, deleted boolean, created_at timestamptz, primary key (namespace, flow_id, revision)
);
create table triggers (
    namespace varchar, flow_id varchar, trigger_id varchar, type varchar, next_date timestamptz,
    last_date timestamptz, last_execution_id varchar, disabled boolean, backfill json, state json,
    updated_at timestamptz, primary key (namespace, flow_id, trigger_id)
);
create table fires (
    namespace varchar, flow_id varchar, trigger_id varchar, date varchar, execution_id varchar,
    created_at timestamptz, note varchar, primary key (namespace, flow_id, trigger_id, date)
);
create table windows (
    namespace varchar, flow_id varchar, trigger_id varchar, started_at timestamptz, ends_at timestamptz,
    results json, primary key (namespace, flow_id, trigger_id)
);
create table backfills (
    id varchar primary key, namespace varchar, flow_id varchar, trigger_id varchar, "from" timestamptz,
    "to" timestamptz, at_date timestamptz, inputs json, labels json, paused boolean, done integer,
    total integer, created_at timestamptz, ended_at timestamptz
);
create table batches (
    execution_id varchar, task_run_id varchar, number integer, child_id varchar, state varchar, uri varchar,
    rows bigint, primary key (task_run_id, number)
);
create table kv (
    namespace varchar, key varchar, kind varchar, value json, description varchar,
    created_at timestamptz, updated_at timestamptz, expires_at timestamptz, primary key (namespace, key)
);
create table cache (
    key varchar primary key, value json, uri varchar, created_at timestamptz, expires_at timestamptz
);
create table namespaces (
    id varchar primary key, description varchar, variables json, plugin_defaults json, secrets json,
    updated_at timestamptz
);
create table namespace_files (
    namespace varchar, path varchar, bytes bigint, digest varchar, revision integer,
    updated_at timestamptz, primary key (namespace, path)
);
create table owners (execution_id varchar primary key, host varchar, epoch integer);
create table hosts (
    id varchar primary key, kind varchar, pid integer, pid_started varchar, machine varchar,
    started_at timestamptz, seen_at timestamptz, ended_at timestamptz, busy boolean
);
create table slots (
    name varchar, execution_id varchar, host varchar, position bigint, state varchar, taken_at timestamptz,
    primary key (name, execution_id)
);
create table audit (
    id varchar primary key, ts timestamptz, who varchar, action varchar, subject varchar, detail json
);

-- Not history, and no part of what is rebuilt: who holds what for the next seconds.
create table leases (name varchar primary key, host varchar, epoch integer, until timestamptz);

-- For people: what is asked most, under names they guess.
create view runs as
select id, namespace || '.' || flow_id as flow, flow_revision as revision, state, created_at, started_at, ended_at,
       epoch_us(coalesce(ended_at, now()) - started_at) / 1e6 as seconds, task_runs as tasks,
       "trigger"->>'id' as trigger, error->>'message' as error, labels, inputs, outputs, parent_id
from executions;
create view tasks as
select t.id, t.execution_id as run_id, t.namespace || '.' || t.flow_id as flow, t.task_id as task, t.type, t.value,
       t.iteration, t.state, t.started_at, t.ended_at,
       epoch_us(coalesce(t.ended_at, now()) - t.started_at) / 1e6 as seconds, t.attempts,
       t.error->>'message' as error, o.outputs
from task_runs t left join outputs o on o.task_run_id = t.id;
