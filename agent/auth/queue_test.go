package auth_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"hotline/agent/auth"
)

// RS8: those who wait come by turns of where they are from, and only so many may.
func TestQueueIsFairAndBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := auth.NewQueue(5, 3)
		first, ok, err := q.Enter(t.Context(), "a")
		require.True(t, ok)
		require.NoError(t, err)
		order := make(chan string, 10)
		wait := func(lane string) {
			go func() {
				leave, ok, err := q.Enter(t.Context(), lane)
				if err == nil && ok {
					order <- lane
					leave()
				}
			}()
			synctest.Wait()
		}
		for _, lane := range []string{"a", "a", "a", "b", "c"} {
			wait(lane)
		}
		require.Equal(t, 5, q.Waiting())
		_, ok, err = q.Enter(t.Context(), "d")
		require.NoError(t, err)
		require.False(t, ok, "the queue is full")
		first()
		synctest.Wait()
		close(order)
		var got []string
		for lane := range order {
			got = append(got, lane)
		}
		require.Equal(t, []string{"a", "b", "c", "a", "a"}, got)
		require.True(t, q.Idle())
	})
}

func TestOneLaneOfTheQueueIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := auth.NewQueue(5, 1)
		leave, _, err := q.Enter(t.Context(), "a")
		require.NoError(t, err)
		ctx, giveUp := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		for _, lane := range []string{"a", "b"} {
			go func() {
				_, _, err := q.Enter(ctx, lane)
				ended <- err
			}()
			synctest.Wait()
		}
		_, ok, _ := q.Enter(t.Context(), "a")
		require.False(t, ok, "its lane is full")
		giveUp()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.ErrorIs(t, <-ended, context.Canceled)
		require.Zero(t, q.Waiting())
		leave()
		require.True(t, q.Idle(), "whoever gave up is not called")
	})
}

// Whoever is called while giving up hands the turn on.
func TestQueueSurvivesThoseWhoGiveUp(t *testing.T) {
	t.Parallel()
	q := auth.NewQueue(100, 100)
	done := make(chan struct{})
	for i := range 50 {
		ctx, giveUp := context.WithCancel(t.Context())
		go func() {
			defer func() { done <- struct{}{} }()
			if leave, ok, err := q.Enter(ctx, string(rune('a'+i%3))); ok && err == nil {
				leave()
			}
		}()
		go giveUp()
	}
	for range 50 {
		<-done
	}
	require.True(t, q.Idle())
}
