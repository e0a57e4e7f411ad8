package store

import (
	"encoding/json"
	"fmt"
	"time"

	"hotline/agent"
	"hotline/ticketing"
)

// written is ticketing.Written as the column keeps it.
type written struct {
	Version int64          `json:"version"`
	By      agent.PersonID `json:"by"`
	At      time.Time      `json:"at"`
}

func packWritten(fields map[ticketing.Field]ticketing.Written) ([]byte, error) {
	out := make(map[ticketing.Field]written, len(fields))
	for f, w := range fields {
		out[f] = written{w.Version, w.By, w.At.UTC()}
	}
	packed, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("who wrote what: %w", err)
	}
	return packed, nil
}

// unpackWritten adds the names of the writers, which are read for drafts alone.
func unpackWritten(packed, names []byte) (map[ticketing.Field]ticketing.Written, error) {
	var fields map[ticketing.Field]written
	if err := json.Unmarshal(packed, &fields); err != nil {
		return nil, fmt.Errorf("who wrote what: %w", err)
	}
	var of map[agent.PersonID]string
	if err := json.Unmarshal(names, &of); err != nil {
		return nil, fmt.Errorf("names of who wrote: %w", err)
	}
	if len(fields) == 0 {
		return nil, nil //nolint:nilnil // nobody has written
	}
	out := make(map[ticketing.Field]ticketing.Written, len(fields))
	for f, w := range fields {
		out[f] = ticketing.Written{Version: w.Version, By: w.By, Name: of[w.By], At: w.At}
	}
	return out, nil
}
