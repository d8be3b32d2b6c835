-- The same checkout as souk's, as one PL/pgSQL function: what a careful team would write on
-- PostgreSQL. One call replays or records the idempotency key, locks and checks the stock, writes
-- the order with its lines and seller parts, the payment, the ledger and the movements, counts the
-- coupon, and empties the cart. Three lines and one of a thousand coupons, as in souk's. Stock is locked
-- in the order of its key, so that no two calls wait for each other.
CREATE TABLE products (id bigint PRIMARY KEY, seller_id bigint NOT NULL, title text NOT NULL, price_minor bigint NOT NULL, status text NOT NULL);
CREATE TABLE stock (variant_id bigint, location_id bigint, quantity bigint NOT NULL CHECK (quantity >= 0), PRIMARY KEY (variant_id, location_id));
CREATE TABLE movements (id bigserial PRIMARY KEY, variant_id bigint NOT NULL, location_id bigint NOT NULL, kind text NOT NULL, quantity bigint NOT NULL, reference_id bigint, created_at timestamptz DEFAULT now());
CREATE TABLE carts (user_id bigint PRIMARY KEY, items jsonb NOT NULL, coupon text);
CREATE TABLE coupons (code text PRIMARY KEY, basis_points bigint NOT NULL, used bigint NOT NULL, usage_limit bigint NOT NULL);
CREATE TABLE coupon_uses (code text, user_id bigint, count bigint NOT NULL, PRIMARY KEY (code, user_id));
CREATE TABLE orders (id bigserial PRIMARY KEY, order_number text UNIQUE NOT NULL, buyer_id bigint NOT NULL, status text NOT NULL, discount_minor bigint NOT NULL, total_minor bigint NOT NULL, address jsonb, created_at timestamptz DEFAULT now());
CREATE INDEX orders_by_buyer ON orders (buyer_id, created_at DESC);
CREATE TABLE seller_orders (id bigserial PRIMARY KEY, order_id bigint NOT NULL, seller_id bigint NOT NULL, status text NOT NULL, total_minor bigint NOT NULL);
CREATE INDEX seller_orders_by_seller ON seller_orders (seller_id);
CREATE TABLE order_items (id bigserial PRIMARY KEY, order_id bigint NOT NULL, product_id bigint NOT NULL, title text NOT NULL, quantity bigint NOT NULL, unit_minor bigint NOT NULL);
CREATE INDEX order_items_by_order ON order_items (order_id);
CREATE TABLE payments (id bigserial PRIMARY KEY, order_id bigint NOT NULL, user_id bigint NOT NULL, amount_minor bigint NOT NULL, status text NOT NULL);
CREATE TABLE ledger (payment_id bigint, line int, account text NOT NULL, amount_minor bigint NOT NULL, PRIMARY KEY (payment_id, line));
CREATE TABLE idempotency (user_id bigint, key text, fingerprint bytea NOT NULL, answer jsonb NOT NULL, created_at timestamptz DEFAULT now(), PRIMARY KEY (user_id, key));
CREATE SEQUENCE order_numbers;
CREATE SEQUENCE buyers;

INSERT INTO products SELECT n, n % 200, 'Product number ' || n, 100 + n % 9000, 'active' FROM generate_series(1, 2000) n;
INSERT INTO stock SELECT n, n % 200, 1000000000 FROM generate_series(1, 2000) n;
INSERT INTO coupons SELECT 'BENCH' || n, 1000, 0, 1000000000 FROM generate_series(0, 999) n;
INSERT INTO carts SELECT n, (SELECT jsonb_agg(jsonb_build_object('product', 1 + p, 'quantity', 1) ORDER BY p) FROM (VALUES (n * 7 % 2000), ((n * 7 + 661) % 2000), ((n * 7 + 1322) % 2000)) lines(p)), 'BENCH' || n % 1000 FROM generate_series(1, 300000) n;

CREATE FUNCTION checkout(buyer bigint, idem text, body bytea) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  saved idempotency; cart carts; item jsonb; product products; held stock;
  order_id bigint; payment_id bigint; total bigint := 0; discount bigint := 0; rate bigint; answer jsonb;
BEGIN
  SELECT * INTO saved FROM idempotency WHERE user_id = buyer AND key = idem;
  IF FOUND THEN RETURN saved.answer; END IF;
  SELECT * INTO cart FROM carts WHERE user_id = buyer FOR UPDATE;
  FOR item IN SELECT * FROM jsonb_array_elements(cart.items) LOOP
    SELECT * INTO product FROM products WHERE id = (item->>'product')::bigint AND status = 'active';
    IF NOT FOUND THEN RAISE 'product unavailable'; END IF;
    total := total + product.price_minor * (item->>'quantity')::bigint;
  END LOOP;
  IF cart.coupon IS NOT NULL THEN
    UPDATE coupons SET used = used + 1 WHERE code = cart.coupon AND used < usage_limit RETURNING basis_points INTO rate;
    IF NOT FOUND THEN RAISE 'coupon used up'; END IF;
    INSERT INTO coupon_uses VALUES (cart.coupon, buyer, 1)
      ON CONFLICT (code, user_id) DO UPDATE SET count = coupon_uses.count + 1;
    discount := (total * rate + 5000) / 10000;
    total := total - discount;
  END IF;
  INSERT INTO orders (order_number, buyer_id, status, discount_minor, total_minor, address)
    VALUES ('SK-2026-' || nextval('order_numbers'), buyer, 'confirmed', discount, total, '{"street":"1 Main St","city":"Springfield"}')
    RETURNING id INTO order_id;
  FOR item IN SELECT * FROM jsonb_array_elements(cart.items) LOOP
    SELECT * INTO product FROM products WHERE id = (item->>'product')::bigint;
    SELECT * INTO held FROM stock WHERE variant_id = product.id ORDER BY quantity DESC LIMIT 1 FOR UPDATE;
    IF held.quantity < (item->>'quantity')::bigint THEN RAISE 'insufficient stock'; END IF;
    UPDATE stock SET quantity = quantity - (item->>'quantity')::bigint
      WHERE variant_id = held.variant_id AND location_id = held.location_id;
    INSERT INTO movements (variant_id, location_id, kind, quantity, reference_id)
      VALUES (held.variant_id, held.location_id, 'sale', -(item->>'quantity')::bigint, order_id);
    INSERT INTO order_items (order_id, product_id, title, quantity, unit_minor)
      VALUES (order_id, product.id, product.title, (item->>'quantity')::bigint, product.price_minor);
    INSERT INTO seller_orders (order_id, seller_id, status, total_minor)
      VALUES (order_id, product.seller_id, 'confirmed', product.price_minor * (item->>'quantity')::bigint);
  END LOOP;
  INSERT INTO payments (order_id, user_id, amount_minor, status) VALUES (order_id, buyer, total, 'completed') RETURNING id INTO payment_id;
  INSERT INTO ledger VALUES (payment_id, 1, 'provider', total), (payment_id, 2, 'discounts', discount),
    (payment_id, 3, 'sellers', -total - discount);
  UPDATE carts SET items = '[]', coupon = NULL WHERE user_id = buyer;
  answer := jsonb_build_object('id', order_id, 'status', 'confirmed', 'total', total);
  INSERT INTO idempotency (user_id, key, fingerprint, answer) VALUES (buyer, idem, sha256(body), answer);
  RETURN answer;
END $$;
