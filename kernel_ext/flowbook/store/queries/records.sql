-- name: logs_of
-- Log lines of an execution in order, from a level up, of a task, behind a `seq`.
select * from logs
where execution_id = $execution_id
  and ($level::varchar is null or list_position(['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'], level)
       >= list_position(['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'], $level))
  and ($task::varchar is null or task_id = $task)
  and ($task_run_id::varchar is null or task_run_id = $task_run_id)
  and ($after_seq::bigint is null or seq > $after_seq)
order by seq
limit coalesce($limit::bigint, 1000000)

-- name: logs_search
-- Log lines of many executions, newest first.
select * from logs
where ($namespace::varchar is null or namespace = $namespace or namespace like $namespace || '.%')
  and ($flow_id::varchar is null or flow_id = $flow_id)
  and ($trigger_id::varchar is null or trigger_id = $trigger_id)
  and ($level::varchar is null or list_position(['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'], level)
       >= list_position(['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'], $level))
  and ($since::timestamptz is null or ts >= $since)
  and ($q::varchar is null or contains(lower(message), lower($q)))
order by seq desc
limit coalesce($limit::bigint, 100) offset coalesce($offset::bigint, 0)

-- name: cells_of
-- Where each notebook cell of an execution stands: its latest record.
select * from cells
where execution_id = $execution_id
  and ($task_run_id::varchar is null or task_run_id = $task_run_id)
qualify row_number() over (partition by task_run_id, attempt, cell order by seq desc) = 1
order by task_run_id, attempt, cell

-- name: metrics_of
-- Metrics of an execution.
select * from metrics
where execution_id = $execution_id
  and ($task_run_id::varchar is null or task_run_id = $task_run_id)
order by seq

-- name: cell_durations
-- How long each cell of a flow's notebooks, or of one, usually takes, from its last good runs, in seconds.
select task_id, cell, cell_id,
       median(epoch_us(ended_at) - epoch_us(started_at)) / 1e6 as seconds, count(*) as runs
from (
    select c.task_id, c.cell, c.cell_id, c.started_at, c.ended_at
    from cells c
    where c.namespace = $namespace and c.flow_id = $flow_id
      and ($task_id::varchar is null or c.task_id = $task_id) and c.state = 'DONE'
      and c.started_at is not null and c.ended_at is not null
    qualify row_number() over (partition by c.task_id, c.cell, c.cell_id order by c.seq desc) <= 20
)
group by task_id, cell, cell_id order by task_id, cell
