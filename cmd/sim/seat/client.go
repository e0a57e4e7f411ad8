package seat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"time"
)

// Client speaks the panel's HTTP API as one signed-in person.
type Client struct {
	Key string // idempotency key of the next commands; empty: none

	base string
	http *http.Client
}

// ProblemError is a refusal by the server (RFC 9457).
type ProblemError struct {
	Status int    `json:"status"`
	Type   string `json:"type"`
	Detail string `json:"detail"`
}

// Error names the problem's type, which says what was refused.
func (p *ProblemError) Error() string { return fmt.Sprintf("%d %s %s", p.Status, p.Type, p.Detail) }

// SignIn opens a login.
func SignIn(ctx context.Context, base, loginName, password string) (*Client, error) {
	return SignInOver(ctx, nil, base, loginName, password)
}

// SignInOver is SignIn by a way of its own; nil: the usual one.
func SignInOver(ctx context.Context, way http.RoundTripper, base, loginName, password string) (*Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make cookie jar: %w", err)
	}
	if way == nil {
		way = &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute} // a person's, not all people's
	}
	c := &Client{base: base, http: &http.Client{Transport: way, Jar: jar, Timeout: 20 * time.Second}}
	in := map[string]string{"login_name": loginName, "password": password}
	if err := c.Do(ctx, http.MethodPost, "/api/v1/login", in, nil); err != nil {
		return nil, fmt.Errorf("sign in %s: %w", loginName, err)
	}
	return c, nil
}

// Do sends a JSON command or reads a JSON resource; in and out may be nil. A refusal is a *ProblemError.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode %s %s: %w", method, path, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Key != "" {
		req.Header.Set("Idempotency-Key", c.Key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= http.StatusBadRequest {
		p := &ProblemError{Status: res.StatusCode}
		_ = json.NewDecoder(res.Body).Decode(p) // a body that is no problem document leaves the status
		p.Status = res.StatusCode
		return fmt.Errorf("%s %s: %w", method, path, p)
	}
	if out == nil {
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("decode %s %s: %w", method, path, err)
	}
	return nil
}
