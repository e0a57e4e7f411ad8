package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"
)

// door is the socket by which the bare machine reaches the world: it has no network but loopback.
const door = "run/world"

// proxyAddress is where its programs find a proxy.
const proxyAddress = "127.0.0.1:3128"

// serveProxy is the proxy, on this side of the door.
func serveProxy(l net.Listener) {
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL = r.In.URL }}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			forward.ServeHTTP(w, r)
			return
		}
		there, err := (&net.Dialer{Timeout: time.Minute}).DialContext(r.Context(), "tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = there.Close()
			return
		}
		_, _ = here.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")) // who has gone is noticed by what follows
		join(here, there)
	})}
	_ = srv.Serve(l) // until the door is closed
}

// relay leads from the proxy's address through the door, on the other side.
func relay(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", proxyAddress)
	if err != nil {
		return err
	}
	go func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				there, err := (&net.Dialer{}).DialContext(ctx, "unix", "/"+door)
				if err != nil {
					_ = here.Close()
					return
				}
				join(here, there)
			}()
		}
	}()
	return nil
}

func join(a, b net.Conn) {
	var both sync.WaitGroup
	carry := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // either may go when it likes
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}
	both.Go(func() { carry(a, b) })
	both.Go(func() { carry(b, a) })
	both.Wait()
	_, _ = a.Close(), b.Close()
}
