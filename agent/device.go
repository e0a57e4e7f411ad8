package agent

func connect(s State, e Connected) (State, []Fact, error) {
	switch {
	case s.Person == "" || s.Person != e.By:
		return s, nil, ErrNotAllowed
	case e.Client == "":
		return s, nil, &FieldError{Field: "client", Mend: "the page has to name itself"}
	case e.Endpoint == "":
		return s, nil, &FieldError{Field: "endpoint", Mend: "a telephone needs an endpoint"}
	}
	n := withoutPhone(s)
	n.Client, n.Phone, n.Endpoint, n.HA1, n.Contact = e.Client, e.Phone, e.Endpoint, e.HA1, e.Contact
	n.Version++
	var facts []Fact
	if n.Client != s.Client {
		facts = append(facts, clientFact(n))
	}
	return n, append(facts, deviceFact(n)), nil
}

func register(s State, e Registered) (State, []Fact, error) {
	if s.Person == "" || e.Endpoint == "" || s.Endpoint != e.Endpoint {
		return s, nil, nil // a late word about a telephone that the seat has dropped
	}
	n := s
	n.Registered = e.Online
	if s.Device != DeviceMediaFailed { // only the page that reported the silence can take it back
		n.Device = registration(e.Online)
	}
	return deviceStep(s, n)
}

func report(s State, e Reported) (State, []Fact, error) {
	switch {
	case s.Person == "" || s.Person != e.By:
		return s, nil, ErrNotAllowed
	case s.Client == "" || s.Client != e.Client:
		return s, nil, ErrReplaced
	}
	n := s
	switch e.Device {
	case DeviceMediaFailed:
		n.Device = DeviceMediaFailed
	case DeviceOK:
		if s.Device == DeviceMediaFailed || s.Registered {
			n.Device = registration(s.Registered)
		}
	case DeviceUnregistered, DeviceUnknown:
		return s, nil, &FieldError{Field: "device", Mend: "a page reports ok or media_failed; the rest comes from the exchange"}
	default:
		return s, nil, &FieldError{Field: "device", Mend: "want ok or media_failed"}
	}
	return deviceStep(s, n)
}

func deviceStep(s, n State) (State, []Fact, error) {
	if n == s {
		return s, nil, nil
	}
	n.Version++
	return n, []Fact{deviceFact(n)}, nil
}

func registration(online bool) Device {
	if online {
		return DeviceOK
	}
	return DeviceUnregistered
}

// withoutPhone is the seat before a page brings a telephone: the endpoint and its secret are dropped.
func withoutPhone(s State) State {
	n := s
	n.Client, n.Endpoint, n.HA1, n.Contact = "", "", "", ""
	n.Phone, n.Device, n.Registered = PhoneBrowser, DeviceUnknown, false
	return n
}
