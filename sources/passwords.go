package sources

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// passwords checks the places that a block names for secrets. A roster is written by
// more people than the configuration, and what it names is sent to a vendor: it may
// name neither what is a secret of a provider, which would give one vendor's secret to
// another, nor just any file of the machine.
func (c *checker) passwords(b *Block) {
	for _, v := range b.Values {
		ref, stated := v.Reference()
		if !stated {
			continue
		}
		if owner := c.providerSecret(ref); owner != "" {
			c.report(ref.Origin, "%s holds %s: a provider's secret is nobody's password: name another place", ref, owner)
			continue
		}
		folders := []string{filepath.Dir(c.config.File), filepath.Dir(filepath.FromSlash(ref.Origin.File))}
		if ref.File != "" && !slices.ContainsFunc(folders, func(folder string) bool { return leadsInto(ref.File, folder) }) {
			c.report(ref.Origin, "%s stands in the folder of neither %s nor this roster, whether by its path or by a link: put it there, or give it as {env: NAME}", ref, filepath.ToSlash(c.config.File))
		}
	}
}

// providerSecret says which secret of which provider stands at the place that a roster
// names, or "".
func (c *checker) providerSecret(ref SecretRef) string {
	for _, provider := range c.config.Providers {
		for _, name := range slices.Sorted(maps.Keys(provider.Auth)) {
			secret := provider.Auth[name]
			if ref.Env != "" && sameVariable(ref.Env, secret.Env) || ref.File != "" && secret.File != "" && sameFile(ref.File, secret.File) {
				return "auth." + name + " of " + provider.Name + " " + at(cmp.Or(secret.Origin, provider.Origin))
			}
		}
	}
	return ""
}

// sameVariable reports whether two names are of one environment variable.
func sameVariable(a, b string) bool {
	return a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b)
}

// sameFile reports whether two paths lead to one file, by links or by names; neither
// needs to be there.
func sameFile(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(x, y)
	}
	return whereItLeads(a) == whereItLeads(b)
}

// leadsInto reports whether a path stands in a folder or below it once all links are
// followed.
func leadsInto(path, folder string) bool {
	below, err := filepath.Rel(whereItLeads(folder), whereItLeads(path))
	return err == nil && filepath.IsLocal(below)
}

// whereItLeads is a path with every link followed, as far as it is there.
func whereItLeads(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	if real, err := filepath.EvalSymlinks(absolute); err == nil {
		return real
	}
	parent := filepath.Dir(absolute)
	if parent == absolute {
		return absolute
	}
	return filepath.Join(whereItLeads(parent), filepath.Base(absolute))
}
