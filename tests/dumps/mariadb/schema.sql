-- What the recorded dumps are taken of: one of everything that restores stumble over. Run by
-- `mariadb --user=root --default-character-set=utf8mb4 --comments`.
create user 'shop_admin'@'%' identified by 'hunter2';
create database shop character set utf8mb4 collate utf8mb4_bin;
grant all on shop.* to 'shop_admin'@'%';
create database other;
create database bare;
use other;
create table things (a int);
insert into things values (1), (2);
use shop;
create table goods (
    id int not null auto_increment primary key,
    name varchar(80) not null comment 'it''s; a "name" DEFINER=`x`@`y`',
    price decimal(10, 2) default 1.50,
    note text,
    raw varbinary(40),
    seen datetime,
    kind enum('a;b', 'c''d'),
    doc json,
    doubled decimal(12, 2) generated always as (price * 2) stored,
    key (name)
) comment = 'goods; all';
insert into goods (name, price, note, raw, kind, doc) values
    ('apple', 0.30, 'tab\there\nnewline \\ back', unhex('00ff275c0a0d1a22'), 'a;b', '{"a": "it''s"}'),
    ('pear', 0.50, null, unhex(md5('x')), 'c''d', null),
    ('äöü 日本 😀', 2, 'GRANT ALL ON x TO y; -- /*!50013 DEFINER=`a`@`b` */ #x', null, null, null),
    ('DELIMITER ;;', 3, '''quoted''', '', null, '[]');
create table orders (
    id int primary key auto_increment,
    good int,
    at timestamp default '2026-01-01 00:00:00',
    constraint of_good foreign key (good) references goods (id)
) auto_increment = 5;
insert into orders (good) values (1), (2);
create sequence counted start with 7;
create table log (at date not null, line text) partition by range (year(at)) (
    partition old values less than (2026), partition new values less than maxvalue
);
insert into log values ('2026-01-03', 'x');
create table versioned (a int) with system versioning;
create definer = 'shop_admin'@'%' view cheap as select name from goods where price < 0.4;
create definer = 'shop_admin'@'%' sql security invoker view cheaper as select name from shop.cheap;
delimiter //
create definer = 'shop_admin'@'%' trigger goods_seen before insert on goods for each row begin
    set new.seen = '2026-01-02'; -- it's; here
    if new.note is null then set new.note = ';'; /* and; it's here */ end if;
end//
create definer = 'shop_admin'@'%' function plus_one(a int) returns int deterministic
    comment 'DEFINER=`x`@`y`'
begin /* ; it's */
    return (select a + 1 from shop.goods limit 1);
end//
create definer = 'shop_admin'@'%' procedure touch(in n int) sql security invoker begin
    declare i int default 0;
    while i < n do set i = i + 1; end while;
    select count(*) from goods;
end//
create definer = 'shop_admin'@'%' aggregate function tally(x int) returns int begin
    declare n int default 0;
    declare continue handler for not found return n;
    loop fetch group next row; set n = n + 1; end loop;
end//
create definer = 'shop_admin'@'%' event nightly on schedule every 1 second starts '2026-01-01' do begin
    delete from log;
end//
delimiter ;
