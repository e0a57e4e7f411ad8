-- 0018: of seats and sittings everything but the secrets of their telephones, for the roles that register none (RS1). hotline_app, which
-- gives a page the secret of its own place, keeps the whole rows.

REVOKE SELECT ON seat_state FROM hotline_controller, hotline_reactions;
GRANT SELECT (seat, person, recorder, deputy, room, supervisor, away, client, phone, endpoint, intent, rest_code, rest_until, rest_minutes, pending,
  device, registered, since, version) ON seat_state TO hotline_controller, hotline_reactions;
REVOKE SELECT ON sitting FROM hotline_reactions;
GRANT SELECT (id, seat, place, person, client, endpoint, device, began_at, ended_at, seen_at, xid) ON sitting TO hotline_reactions;

---- create above / drop below ----

GRANT SELECT ON sitting TO hotline_reactions;
GRANT SELECT ON seat_state TO hotline_controller, hotline_reactions;
