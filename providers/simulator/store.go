package simulator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"rollcall/sources"
)

// StateFile is where [Open] keeps the state, relative to the directory of the
// configuration.
const StateFile = ".rollcall/simulator.json"

// Errors of [Open], to be told apart with [errors.Is].
var (
	// ErrLocked means that another process uses the state.
	ErrLocked = errors.New("simulator state is in use")
	// ErrState means that the state file can not be used as it is.
	ErrState = errors.New("broken simulator state")
)

// store is the state file of a world.
type store struct {
	path  string
	lock  *flock.Flock
	dirty chan struct{} // holds one token while there is something to save
	stop  chan struct{}
	ended chan struct{}
	once  sync.Once
	err   error // of the last save, read after ended
}

// Open returns a world whose state is kept in [StateFile] below dir. It is
// locked for this process until [World.Close]; when another one has it the
// error wraps [ErrLocked], without waiting. When there is no state yet it
// begins with what seed returns; of a seed beside a state only the chaos is read.
// seed may be nil, and may return nil, for no users and no chaos. A state that
// can not be read is an error that wraps [ErrState].
//
// The state is saved on Close and, while requests change it, at most once in
// Options.SaveEvery, always by replacing the file as a whole. So a process that
// is killed loses the effects of the last second at most, and never the file.
func Open(dir string, seed func() (any, error), options Options) (*World, error) {
	path := filepath.Join(dir, filepath.FromSlash(StateFile))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("simulator state: %w", err)
	}
	// Its own file is locked, because the state's is replaced at each save.
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking simulator state: %w", err)
	}
	if !got {
		return nil, fmt.Errorf("%w by another rollcall: %s is locked; wait until that one ends", ErrLocked, path)
	}
	w := New(options)
	if err := w.begin(path, seed); err != nil {
		_ = lock.Unlock()
		return nil, err
	}
	w.store = &store{
		path: path, lock: lock,
		dirty: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	go w.saveNowAndThen()
	return w, nil
}

// begin reads the state, or makes the first one from the seed. Chaos is in the
// seed alone, so that it can be switched on and off between two runs.
func (w *World) begin(path string, seed func() (any, error)) error {
	var data any
	if seed != nil {
		var err error
		if data, err = seed(); err != nil {
			return err
		}
	}
	file, err := os.Open(path) //nolint:gosec // the state file of this directory
	if errors.Is(err, fs.ErrNotExist) {
		return w.plant(path, data)
	}
	if err != nil {
		return fmt.Errorf("simulator state: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err == nil && info.Size() > maxState { // not worth reading
		err = fmt.Errorf("it is larger than %d bytes", maxState)
	}
	if err == nil {
		err = w.Load(file)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w; delete the file to start again from simulator.yaml", ErrState, path, err)
	}
	if data == nil {
		return nil
	}
	chaos, err := ReadChaos(data)
	if err != nil {
		return fmt.Errorf("simulator seed: %w", err)
	}
	for kind, c := range chaos {
		w.SetChaos(c, kind)
	}
	return nil
}

func (w *World) plant(path string, data any) error {
	if data != nil {
		if err := w.Seed(data); err != nil {
			return fmt.Errorf("simulator seed: %w", err)
		}
	}
	return w.saveTo(path)
}

func (s *store) changed() {
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

// saveNowAndThen saves a while after each change, together with those that
// followed, until the world is closed.
func (w *World) saveNowAndThen() {
	s := w.store
	defer close(s.ended)
	for {
		select {
		case <-s.stop:
			return
		case <-s.dirty:
		}
		timer := time.NewTimer(w.options.SaveEvery)
		select {
		case <-s.stop:
			timer.Stop()
			s.changed() // for Close
			return
		case <-timer.C:
		}
		if w.saveTo(s.path) != nil {
			s.changed() // try again; Close says what is wrong if it stays so
		}
	}
}

// Close saves what changed and unlocks the state. It is to be called when no
// request is under way any more; for a world without a file it does nothing.
func (w *World) Close() error {
	s := w.store
	if s == nil {
		return nil
	}
	s.once.Do(func() {
		close(s.stop)
		<-s.ended
		select {
		case <-s.dirty:
			s.err = w.saveTo(s.path)
		default:
		}
		s.err = errors.Join(s.err, s.lock.Unlock())
	})
	return s.err
}

// saveTo replaces the file by the present state, or leaves it as it is.
func (w *World) saveTo(path string) error {
	if err := sources.WriteFile(path, w.Save); err != nil {
		return fmt.Errorf("saving simulator state: %w", err)
	}
	return nil
}
