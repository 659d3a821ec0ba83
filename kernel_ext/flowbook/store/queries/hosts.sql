-- name: owned_by
-- What a host owns.
select o.execution_id, o.epoch from owners o
join executions e on e.id = o.execution_id
where o.host = $host and e.ended_at is null

-- name: owner_of
-- Who owns an execution.
select host, epoch from owners where execution_id = $execution_id

-- name: leases_of
-- The leases a host holds.
select * from leases where host = $host

-- name: hosts_open
-- Hosts that haven't said goodbye.
select * from hosts where ended_at is null order by started_at
