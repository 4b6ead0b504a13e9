vacuum full orders;
cluster orders using orders_total;
