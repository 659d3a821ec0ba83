-- name: executions_list
-- Executions, newest first, by everything one filters with.
select *
from executions e
where ($namespace::varchar is null or namespace = $namespace or namespace like $namespace || '.%')
  and ($flow_id::varchar is null or flow_id = $flow_id)
  and ($states::varchar[] is null or list_contains($states::varchar[], state))
  and ($since::timestamptz is null or created_at >= $since)
  and ($until::timestamptz is null or created_at < $until)
  and ($trigger_id::varchar is null or "trigger"->>'id' = $trigger_id)
  and ($parent_id::varchar is null or parent_id = $parent_id)
  and ($labels::json is null or list_has_all(
        from_json(coalesce(labels, '[]'), '[{"key":"VARCHAR","value":"VARCHAR"}]'),
        from_json($labels::json, '[{"key":"VARCHAR","value":"VARCHAR"}]')))
  and ($q::varchar is null or contains(lower(namespace || '.' || flow_id || ' ' || id), lower($q)))
order by created_at desc, id desc
limit coalesce($limit::bigint, 100) offset coalesce($offset::bigint, 0)

-- name: executions_count
-- How many there are per state.
select namespace, flow_id, state, count(*) as executions
from executions
where ($namespace::varchar is null or namespace = $namespace or namespace like $namespace || '.%')
  and ($flow_id::varchar is null or flow_id = $flow_id)
  and ($since::timestamptz is null or created_at >= $since)
group by all order by all

-- name: execution_row
-- One execution.
select * from executions where id = $id

-- name: execution_events
-- The events an execution is folded from, in order.
select seq, ts, kind, payload from events
where execution_id = $id and not starts_with(kind, '#')
order by seq

-- name: task_runs_of
-- Task runs of an execution in the order they were created.
select * from task_runs where execution_id = $execution_id order by position, started_at, id

-- name: attempts_of
-- Attempts of an execution, or of one task run.
select * from attempts
where ($execution_id::varchar is null or execution_id = $execution_id)
  and ($task_run_id::varchar is null or task_run_id = $task_run_id)
  and ($execution_id::varchar is not null or $task_run_id::varchar is not null)
order by task_run_id, number

-- name: outputs_of
-- Outputs of the task runs of an execution.
select * from outputs where execution_id = $execution_id

-- name: artifacts_of
-- Tables and files an execution has made.
select * from artifacts where execution_id = $execution_id order by uri

-- name: not_over
-- Executions that haven't ended, with their owner.
select e.id as execution_id, e.namespace, e.flow_id, e.state, o.host, o.epoch
from executions e left join owners o on o.execution_id = e.id
where e.ended_at is null

-- name: task_durations
-- How long each task of a flow usually took, and how long its execution then went on, from its last successful
-- runs, in seconds. The rest is left open where a task runs several times in an execution.
select task_id, median(seconds) as seconds, count(*) as runs,
       case when count(*) = count(distinct execution_id) then median(rest) end as rest
from (
    select t.task_id, t.execution_id, (epoch_us(t.ended_at) - epoch_us(t.started_at)) / 1e6 as seconds,
           (epoch_us(e.ended_at) - epoch_us(t.ended_at)) / 1e6 as rest
    from task_runs t
    left join executions e on e.id = t.execution_id and e.state in ('SUCCESS', 'WARNING')
    where t.namespace = $namespace and t.flow_id = $flow_id and t.state in ('SUCCESS', 'WARNING')
      and t.started_at is not null and t.ended_at is not null
    qualify row_number() over (partition by t.task_id order by t.ended_at desc) <= 20
)
group by task_id

-- name: execution_durations
-- How long a flow usually took, from its last successful executions, in seconds.
select median(epoch_us(ended_at) - epoch_us(started_at)) / 1e6 as seconds, count(*) as runs
from (
    select started_at, ended_at from executions
    where namespace = $namespace and flow_id = $flow_id and state in ('SUCCESS', 'WARNING')
      and started_at is not null and ended_at is not null
    order by ended_at desc limit 20
)

-- name: tables_of_task
-- The Parquet files of a task's latest good run, of one execution, or of the latest before a moment.
with found as (
    select a.uri, a.name, e.id, e.created_at
    from artifacts a
    join executions e on e.id = a.execution_id
    left join task_runs t on t.id = a.task_run_id
    where e.namespace = $namespace and e.flow_id = $flow_id and a.task_id = $task
      and ends_with(lower(a.uri), '.parquet')
      and ($run::varchar is null or e.id = $run)
      and ($run::varchar is not null or t.state is null or t.state in ('SUCCESS', 'WARNING'))
      and ($as_of::timestamptz is null or e.created_at <= $as_of)
)
select uri, name, id as execution_id from found
qualify dense_rank() over (order by created_at desc, id desc) = 1
order by uri

-- name: executions_over
-- Executions that have ended, without the newest of each flow.
select id, namespace, flow_id, ended_at from executions
where ended_at is not null
qualify row_number() over (partition by namespace, flow_id order by created_at desc, id desc) > 1
order by ended_at, id

-- name: flows_with_executions
-- The flows that have a history, deleted ones included.
select distinct namespace, flow_id from executions
