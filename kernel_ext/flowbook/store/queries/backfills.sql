-- name: backfills_list
-- Backfills, those that go on first, then the newest.
select * from backfills
where ($namespace::varchar is null or namespace = $namespace)
  and ($flow_id::varchar is null or flow_id = $flow_id)
  and ($id::varchar is null or id = $id)
order by ended_at is not null, created_at desc, id
limit coalesce($limit::bigint, 100)

-- name: backfill_states
-- How many executions of each backfill are in which state.
select split_part(f.date, ' backfill ', 2) as id, e.state, count(*) as executions
from fires f join executions e on e.id = f.execution_id
where contains(f.date, ' backfill ')
  and ($ids::varchar[] is null or list_contains($ids::varchar[], split_part(f.date, ' backfill ', 2)))
group by all order by all
