package ledger

import (
	"context"
	"database/sql"
	"time"
)

// State reads what a plan is made with.
func (l *Ledger) State(ctx context.Context) (*State, error) {
	ctx, cancel := l.within(ctx, patience)
	defer cancel()
	tx, err := l.db.begin(ctx, &sql.TxOptions{ReadOnly: true, Isolation: l.db.dialect.snapshot})
	if err != nil {
		return nil, l.unreadable(err)
	}
	defer func() { _ = tx.Rollback() }()
	s := &State{
		Users: make(map[Key]User), Open: make(map[Key]time.Time), Done: make(map[Key]Mark),
		People: make(map[string]int), Targets: make(map[string]string),
	}
	for _, read := range []func(context.Context, *transaction) error{s.readUsers, s.readLeavers, s.readDone, s.readUnfinished, s.readAccounts, s.readHead} {
		if err := read(ctx, tx); err != nil {
			return nil, l.unreadable(err)
		}
	}
	return s, nil
}

// each calls take with each row of a query.
func each(ctx context.Context, tx *transaction, query string, take func(scan func(...any) error) error, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := take(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *State) readUsers(ctx context.Context, tx *transaction) error {
	return each(ctx, tx, "SELECT provider, email, user_id, person, how, since, applied, before, left_at FROM users", func(scan func(...any) error) (err error) {
		var u User
		var since, applied, before, left string
		if err = scan(&u.Provider, &u.Email, &u.UserID, &u.Person, &u.How, &since, &applied, &before, &left); err != nil {
			return err
		}
		if u.Applied, err = attributes(applied); err != nil {
			return err
		}
		if u.Before, err = attributes(before); err != nil {
			return err
		}
		if u.Since, err = moment(since); err != nil {
			return err
		}
		u.Left, err = moment(left)
		s.Users[u.Key] = u
		return err
	})
}

func (s *State) readLeavers(ctx context.Context, tx *transaction) error {
	return each(ctx, tx, "SELECT provider, email, since FROM leavers", func(scan func(...any) error) (err error) {
		var k Key
		var since string
		if err = scan(&k.Provider, &k.Email, &since); err != nil {
			return err
		}
		s.Open[k], err = moment(since)
		return err
	})
}

func (s *State) readDone(ctx context.Context, tx *transaction) error {
	return each(ctx, tx, "SELECT provider, email, at, note, who FROM done", func(scan func(...any) error) (err error) {
		var k Key
		var m Mark
		var at string
		if err = scan(&k.Provider, &k.Email, &at, &m.Note, &m.Who); err != nil {
			return err
		}
		m.At, err = moment(at)
		s.Done[k] = m
		return err
	})
}

func (s *State) readUnfinished(ctx context.Context, tx *transaction) error {
	return each(ctx, tx, "SELECT seq, provider, email, run, action, user_id, mail, at FROM unfinished ORDER BY seq", func(scan func(...any) error) (err error) {
		var u Unfinished
		var at string
		if err = scan(&u.Seq, &u.Provider, &u.Email, &u.Run, &u.Action, &u.UserID, &u.Mail, &at); err != nil {
			return err
		}
		u.At, err = moment(at)
		s.Unfinished = append(s.Unfinished, u)
		return err
	})
}

func (s *State) readAccounts(ctx context.Context, tx *transaction) error {
	return each(ctx, tx, "SELECT provider, target, people FROM accounts", func(scan func(...any) error) error {
		var name, target string
		var people int
		if err := scan(&name, &target, &people); err != nil {
			return err
		}
		s.Targets[name], s.People[name] = target, people
		return nil
	})
}

func (s *State) readHead(ctx context.Context, tx *transaction) error {
	last, err := lastRow(ctx, tx)
	if err != nil {
		return err
	}
	s.Head = headOf(last.Seq, last.hash)
	return each(ctx, tx, "SELECT at FROM chain ORDER BY seq DESC LIMIT 1", func(scan func(...any) error) (err error) {
		var at string
		if err = scan(&at); err == nil {
			s.Last, err = moment(at)
		}
		return err
	})
}

// apply changes the state.
func apply(ctx context.Context, tx *transaction, u Update) error {
	do := func(query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
	for _, user := range u.Put {
		applied, err := values(user.Applied)
		if err != nil {
			return err
		}
		before, err := values(user.Before)
		if err != nil {
			return err
		}
		err = do(`INSERT INTO users (provider, email, user_id, person, how, since, applied, before, left_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (provider, email) DO UPDATE SET user_id = excluded.user_id, person = excluded.person, how = excluded.how,
			since = excluded.since, applied = excluded.applied, before = excluded.before, left_at = excluded.left_at`,
			user.Provider, user.Email, user.UserID, user.Person, user.How, stamp(user.Since), applied, before, stamp(user.Left))
		if err != nil {
			return err
		}
	}
	for _, k := range u.Drop {
		if err := do("DELETE FROM users WHERE provider = ? AND email = ?", k.Provider, k.Email); err != nil {
			return err
		}
	}
	for k, since := range u.Open {
		if err := do("INSERT INTO leavers (provider, email, since) VALUES (?, ?, ?) ON CONFLICT (provider, email) DO NOTHING", k.Provider, k.Email, stamp(since)); err != nil {
			return err
		}
	}
	for _, k := range u.Closed {
		if err := do("DELETE FROM leavers WHERE provider = ? AND email = ?", k.Provider, k.Email); err != nil {
			return err
		}
	}
	for k, mark := range u.Done {
		err := do(`INSERT INTO done (provider, email, at, note, who) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (provider, email) DO UPDATE SET at = excluded.at, note = excluded.note, who = excluded.who`,
			k.Provider, k.Email, stamp(mark.At), mark.Note, mark.Who)
		if err != nil {
			return err
		}
	}
	for _, k := range u.Undone {
		if err := do("DELETE FROM done WHERE provider = ? AND email = ?", k.Provider, k.Email); err != nil {
			return err
		}
	}
	for _, seq := range u.Finished {
		if err := do("DELETE FROM unfinished WHERE seq = ?", seq); err != nil {
			return err
		}
	}
	for name, target := range u.Targets {
		err := do(`INSERT INTO accounts (provider, target, people) VALUES (?, ?, ?)
			ON CONFLICT (provider) DO UPDATE SET target = excluded.target, people = excluded.people`, name, target, u.People[name])
		if err != nil {
			return err
		}
	}
	return nil
}
