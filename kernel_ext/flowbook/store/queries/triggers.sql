-- name: triggers_list
-- Triggers with their flow, the next to fire first.
select t.*, f.disabled as flow_disabled, f.revision
from triggers t
left join flows f on f.namespace = t.namespace and f.id = t.flow_id
where ($namespace::varchar is null or t.namespace = $namespace or t.namespace like $namespace || '.%')
  and ($flow_id::varchar is null or t.flow_id = $flow_id)
order by t.next_date nulls last, t.namespace, t.flow_id, t.trigger_id

-- name: triggers_of
-- Triggers of one flow.
select * from triggers where namespace = $namespace and flow_id = $flow_id order by trigger_id

-- name: fires_of
-- When a trigger fired, or missed to; newest first.
select * from fires
where namespace = $namespace and flow_id = $flow_id
  and ($trigger_id::varchar is null or trigger_id = $trigger_id)
order by date desc limit coalesce($limit::bigint, 100)

-- name: fires_unsettled
-- Changes of state that a Flow trigger hasn't been done with, and who drives the execution.
select f.*, o.host
from fires f
left join owners o on o.execution_id = split_part(f.date, ' ', 1)
where starts_with(f.note, '{"left"')
order by f.created_at, f.date

-- name: flows_with_flow_triggers
-- Deployed flows whose text may hold a Flow trigger, and their triggers that are switched off.
select f.namespace, f.id as flow_id, f.revision, f.disabled, r.source, r.folder,
    (select list(t.trigger_id) from triggers t
     where t.namespace = f.namespace and t.flow_id = f.id and t.disabled) as off
from flows f
join revisions r on r.namespace = f.namespace and r.flow_id = f.id and r.revision = f.revision
where not coalesce(f.deleted, false) and not coalesce(f.draft, false)
  and regexp_matches(r.source, 'type["'']?\s*:\s*["'']?([\w.]*\.)?flow["'']?\s*([,}#\n\r]|$)', 'i')
order by f.namespace, f.id

-- name: windows_of
-- What the Flow triggers of one flow have gathered.
select * from windows where namespace = $namespace and flow_id = $flow_id

-- name: flow_triggers_noted
-- Flow triggers that something is known of.
select namespace, flow_id, trigger_id from triggers where type = $type
union select namespace, flow_id, trigger_id from windows
