// Package panel carries the built web panel inside the server's binary and serves it. It knows files and caching; who is
// signed in, and what the pages ask of the API, it does not know.
package panel

import (
	"bytes"
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed all:dist
var dist embed.FS

const (
	immutable = "public, max-age=31536000, immutable"
	noStore   = "no-store"
)

// Handler serves the panel. Files under /assets carry a hash in their name and are kept by browsers for a year; every other
// path is a page of the one-page application, so that a reload anywhere finds its way back. Assets go out in the compressed
// form that the browser takes. A proxyURL hands everything to a development server instead (vite); the empty one serves
// what is embedded.
func Handler(proxyURL string) http.Handler {
	if proxyURL != "" {
		return proxy(proxyURL)
	}
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is embedded by name above
	}
	return serve(files)
}

func proxy(to string) http.Handler {
	target, err := url.Parse(to)
	if err != nil || target.Host == "" {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "panel: the development server's address "+to+" is no URL; use http://127.0.0.1:5173", http.StatusBadGateway)
		})
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
}

func serve(files fs.FS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		switch {
		case strings.HasPrefix(name, "assets/"):
			// A missing asset belongs to an older build: the page's own answer would be taken for a script.
			sendAsset(w, r, files, name)
		case name != "" && name != "index.html" && isFile(files, name):
			send(w, r, files, name, "public, max-age=3600")
		default:
			send(w, r, files, "index.html", noStore)
		}
	})
}

// sendAsset answers with one of the forms that the build laid beside the asset, so that nothing is compressed
// while people wait. A part of a file is a part of the plain one.
func sendAsset(w http.ResponseWriter, r *http.Request, files fs.FS, name string) {
	if slices.ContainsFunc(forms(), func(f form) bool { return strings.HasSuffix(name, f.suffix) }) {
		http.NotFound(w, r) // a form is no file of its own
		return
	}
	w.Header().Set("Vary", "Accept-Encoding")
	if r.Header.Get("Range") == "" {
		for _, f := range accepted(r.Header) {
			if body, err := fs.ReadFile(files, name+f.suffix); err == nil {
				sendForm(w, r, name, f, body)
				return
			}
		}
	}
	send(w, r, files, name, immutable)
}

func sendForm(w http.ResponseWriter, r *http.Request, name string, f form, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("Content-Encoding", f.coding)
	h.Set("Content-Length", strconv.Itoa(len(body))) // ServeContent leaves it out where there is a coding
	h.Set("Cache-Control", immutable)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
}

func isFile(files fs.FS, name string) bool {
	if path.Base(name)[0] == '.' {
		return false
	}
	info, err := fs.Stat(files, name)
	return err == nil && info.Mode().IsRegular()
}

func send(w http.ResponseWriter, r *http.Request, files fs.FS, name, caching string) {
	body, err := fs.ReadFile(files, name)
	if err != nil {
		w.Header().Set("Cache-Control", noStore)
		if name == "index.html" {
			http.Error(w, "the panel has not been built: run 'make build'", http.StatusServiceUnavailable)
			return
		}
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", caching)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
}
