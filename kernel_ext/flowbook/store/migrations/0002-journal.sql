-- How far the events and records have what the journal beside this file has.
insert into meta select 'settled_seq', max(value::bigint)::varchar from (
    select value from meta where name in ('seq', 'projected_seq')
    union all select max(seq)::varchar from events
    union all select max(seq)::varchar from logs
    union all select max(seq)::varchar from metrics
    union all select max(seq)::varchar from cells
);
