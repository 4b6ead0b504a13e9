insert into items select i, 'item ' || i from generate_series(1, 20) i;
