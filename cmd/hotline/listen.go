package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"hotline/agent/problem"
)

// patience is how long the server waits for who is at the other end (RS10). Sockets, once open, have deadlines of their own.
type patience struct {
	header time.Duration // for a request's head
	body   time.Duration // for the whole request; an operation of the API waits less for its body
	answer time.Duration // from the head until the answer is written: who loads the panel over a slow line needs some
	idle   time.Duration // between two requests
	api    time.Duration // until a request to the API is done with, its databases' answers included
}

func usualPatience() patience {
	return patience{header: 5 * time.Second, body: 10 * time.Second, answer: time.Minute, idle: 2 * time.Minute, api: 20 * time.Second}
}

const mostHead = 32 << 10 // what a request's head may have: more than the panel sends

// server is an HTTP server that nobody keeps busy by being slow. It reads heads of four times the size that headed lets pass, so that who
// sends too much is told by a problem; beyond that the library refuses and cuts.
func (p patience) server(ctx context.Context, h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: p.header, ReadTimeout: p.body, WriteTimeout: p.answer, IdleTimeout: p.idle, MaxHeaderBytes: 4 * mostHead,
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
}

// headed refuses a head that is too large, and names its largest field.
func headed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if size, largest := headOf(r); size > mostHead {
			w.Header().Set("Connection", "close")
			problem.Write(w, r, problem.New(http.StatusRequestHeaderFieldsTooLarge, "head_too_large", "most="+problem.Size(mostHead)).
				With(problem.Field{Location: largest, Message: "want less"}))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// headOf is a head's size in bytes, about as it was sent, and which part of it is the largest.
func headOf(r *http.Request) (int, string) {
	const around = len(": \r\n")
	size, most, largest := len(r.RequestURI), len(r.RequestURI), "query"
	for name, values := range r.Header {
		field := 0
		for _, v := range values {
			field += len(name) + len(v) + around
		}
		if size += field; field > most {
			most, largest = field, "header."+name
		}
	}
	return size, largest
}

func (s *server) serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := usualPatience().server(ctx, h, s.log)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(s.settings.ShutdownSeconds)*time.Second)
		defer cancel()
		if srv.Shutdown(down) != nil {
			_ = srv.Close() // whoever is still open is cut
		}
	}()
	err := srv.Serve(l)
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// listen binds an address, or says whose setting to change.
func listen(ctx context.Context, setting, addr string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--%s %s cannot be opened: %w (another hotline running? choose another port, or set %s)", setting, addr, err, envName(setting))
	}
	return l, nil
}
