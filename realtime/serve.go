package realtime

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"

	"hotline/realtime/factlog"
)

// ServeHTTP opens a socket for the bearer of a ticket, and serves it until it ends.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, ok := h.redeem(r)
	h.mu.Lock()
	running := h.running
	h.mu.Unlock()
	switch {
	case !running:
		h.cfg.Refuse(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	case !ok:
		h.cfg.Refuse(w, r, http.StatusUnauthorized, "socket.ticket")
		return
	}
	rule, err := h.cfg.Authorizer.Rule(r.Context(), t.who)
	var from map[string]factlog.Position
	if err == nil {
		from, ok = rule.all(t.who, t.topics)
	}
	switch {
	case err != nil:
		h.cfg.Log.ErrorContext(r.Context(), "rights not read", slog.String("subject", t.who.ID), slog.Any("err", err))
		h.cfg.Refuse(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	case !ok:
		h.cfg.Refuse(w, r, http.StatusForbidden, "not_allowed")
		return
	}
	conn, err := h.upgrader.Upgrade(w, r, nil) // refuses foreign origins with 403
	if err != nil {
		h.cfg.Log.WarnContext(r.Context(), "socket refused", slog.String("subject", t.who.ID), slog.Any("err", err))
		return
	}
	ip, _, _ := net.SplitHostPort(r.RemoteAddr) // net/http wrote it
	s := &socket{
		hub: h, who: t.who, topics: t.topics, from: from, ip: ip, conn: conn, held: true,
		wake: make(chan struct{}, 1), ending: make(chan struct{}), done: make(chan struct{}), gauges: map[string][]byte{},
	}
	if !slices.ContainsFunc(t.topics, particular) {
		s.gather = h.cfg.Gather
	}
	go s.write()
	at, err := h.join(s)
	if err != nil {
		h.cfg.Log.WarnContext(r.Context(), "socket refused", slog.String("subject", t.who.ID), slog.Any("err", err))
		switch {
		case errors.Is(err, errLoginEnded):
			s.end(closeLoginEnded, "login ended")
		case errors.Is(err, errStopping):
			s.end(closeGoingAway, "going away")
		default:
			s.end(closeNotAllowed, "too many sockets")
		}
		<-s.done
		return
	}
	defer h.leave(s)
	h.resume(r.Context(), s, t.since, at)
	s.read()
	<-s.done
}

// particular topics are of one seat, call or ticket: somebody waits for their news.
func particular(topic string) bool {
	return strings.HasPrefix(topic, "seat:") || strings.HasPrefix(topic, "call:") || strings.HasPrefix(topic, "ticket:")
}

func particulars(topics []string) []string {
	return slices.DeleteFunc(slices.Clone(topics), func(topic string) bool { return !particular(topic) })
}

// resume sends what lies between the browser's position and the place from which it hears everything.
func (h *Hub) resume(ctx context.Context, s *socket, since *factlog.Position, at factlog.Position) {
	missed, resumed := h.missed(ctx, s, since, at)
	if resumed && at.Less(*since) {
		at = *since
	}
	hello, err := textFrame(helloMessage{Type: "hello", Position: at.String(), Resumed: resumed})
	if err != nil {
		s.end(closeGoingAway, "hello")
		return
	}
	s.release(hello, missed, at)
}

func (h *Hub) missed(ctx context.Context, s *socket, since *factlog.Position, at factlog.Position) ([][]byte, bool) {
	if since == nil {
		return nil, false
	}
	head, err := factlog.Head(ctx, h.cfg.Facts)
	if err != nil || head.Less(*since) && since.XID > head.XID {
		return nil, false // the log is away, or it is not the one that the position is from
	}
	facts, whole, err := h.reader.Between(ctx, *since, at, s.topics, resumeScan, h.cfg.ResumeFacts)
	if err != nil {
		h.cfg.Log.WarnContext(ctx, "socket cannot resume", slog.Any("err", err))
		return nil, false
	}
	frames := make([][]byte, 0, len(facts))
	for _, f := range facts {
		if !s.mayHear(f) {
			continue
		}
		frame, err := factFrame(f, false)
		if err != nil {
			return nil, false
		}
		frames = append(frames, frame)
	}
	return frames, whole
}
