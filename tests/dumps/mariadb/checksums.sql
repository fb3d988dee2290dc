-- One line that tells whether a database holds what was dumped: rows, and what works on them. The
-- definers are those of whoever loaded, so they are no part of it.
select concat_ws(' ',
    (select md5(group_concat(concat_ws('|', id, name, price, note, hex(raw), seen, kind, doc, doubled)
        order by id separator '\n')) from goods),
    (select group_concat(concat_ws('|', id, good, unix_timestamp(at)) order by id) from orders),
    (select group_concat(concat_ws('|', at, line)) from log),
    (select group_concat(name) from cheaper),
    plus_one(3),
    (select tally(id) from goods),
    (select group_concat(table_name order by table_name) from information_schema.tables
        where table_schema = database()),
    (select group_concat(trigger_name) from information_schema.triggers where trigger_schema = database()),
    (select group_concat(event_name) from information_schema.events where event_schema = database()),
    (select md5(group_concat(routine_definition order by routine_name)) from information_schema.routines
        where routine_schema = database() and routine_name <> 'plus_one'));
