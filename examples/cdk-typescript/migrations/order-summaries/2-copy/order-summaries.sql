--! into: order_summaries
--! from: orders
--! key: order_id
select o.id as order_id, o.customer_name as customer, o.net + o.tax as total
from orders o;
