package sources

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// rosterFiles resolves the roster entries of the configuration to files: each
// once, sorted, standard input last.
func rosterFiles(config *Config) ([]string, Diagnostics) {
	var ds Diagnostics
	r := resolver{found: make(map[string]os.FileInfo)}
	r.config, _ = os.Stat(config.File)
	stdin := false
	for i, entry := range config.Roster {
		if entry == "-" {
			stdin = true
			continue
		}
		problem := r.entry(config.File, entry)
		switch {
		case problem == "":
		case len(config.rosterOrigins) == 0:
			ds = append(ds, Diagnostic{File: filepath.ToSlash(relativeTo(config.File, entry)), Message: problem})
		default:
			o := config.rosterOrigins[i]
			ds = append(ds, config.diagnostic(Error, o, fmt.Sprintf("roster %s %s", quote(entry), problem)))
		}
	}
	paths := r.files()
	if stdin {
		paths = append(paths, "-")
	}
	return paths, ds
}

// What can be wrong with a pattern, of local files or of those of a repository.
const (
	problemTwoStars = "has **, which is not known here: name the directory, it is read with all below it"
	problemPattern  = "is not a pattern that can be read: look at its brackets"
	problemNoMatch  = "matches no file"
)

// A resolver collects the files that roster entries name.
type resolver struct {
	config os.FileInfo            // nil when it can not be looked at
	found  map[string]os.FileInfo // by clean path; nil when it can not be looked at
	// folder is the one that links of the entry at hand may not lead out of, and
	// outside a link that does.
	folder, outside string
}

// files are the paths that were found, sorted, without a file that is there by
// another path already: through a link, or once relative and once absolute.
func (r *resolver) files() []string {
	paths := make([]string, 0, len(r.found))
	for path := range r.found {
		paths = append(paths, path)
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(filepath.ToSlash(a), filepath.ToSlash(b)) })
	// Only files alike in size and time can be the same.
	type looks struct {
		size int64
		time time.Time
	}
	alike := make(map[looks][]os.FileInfo)
	return slices.DeleteFunc(paths, func(path string) bool {
		info := r.found[path]
		if info == nil {
			return false
		}
		key := looks{info.Size(), info.ModTime()}
		again := slices.ContainsFunc(alike[key], func(other os.FileInfo) bool { return os.SameFile(info, other) })
		alike[key] = append(alike[key], info)
		return again
	})
}

// add takes a file in, unless it is the configuration, or a link that leads away.
func (r *resolver) add(path string) bool {
	if r.folder != "" && !leadsInto(path, r.folder) {
		r.outside = path
		return false
	}
	info, err := os.Stat(path)
	if err != nil {
		info = nil // reading it says why
	} else if r.config != nil && os.SameFile(info, r.config) {
		return false
	}
	r.found[filepath.Clean(path)] = info
	return true
}

// entry adds the files of one roster entry, which is written in file, and says
// what is wrong with it.
//
// Whoever can change a roster can put a link into its folder. What it leads to is read,
// and the lines of it that are no roster are shown, so links that lead out of the folder
// of the configuration are not followed; nor, where the entry itself names another
// folder, out of that.
func (r *resolver) entry(file, entry string) string {
	path := relativeTo(file, entry)
	info, err := os.Stat(path)
	r.folder, r.outside = "", ""
	switch {
	case filepath.IsLocal(filepath.FromSlash(entry)):
		r.folder = filepath.Dir(file)
	case err == nil && info.IsDir():
		r.folder = path
	case err != nil:
		r.folder = literalFolder(path)
	}
	if problem := r.read(file, entry, path, info, err); r.outside == "" {
		return problem
	}
	if filepath.Clean(r.outside) == filepath.Clean(path) {
		return "is a link that leads out of the folder of the configuration: name what it leads to"
	}
	named := r.outside
	if below, err := filepath.Rel(filepath.Dir(file), r.outside); err == nil {
		named = below
	}
	return fmt.Sprintf("holds %s, a link that leads out of it, which is not followed: name what it leads to in roster", quote(filepath.ToSlash(named)))
}

// read adds the files of an entry by what is at its path.
func (r *resolver) read(file, entry, path string, info os.FileInfo, err error) string {
	switch {
	case err == nil && info.IsDir() && r.folder != "" && !leadsInto(path, r.folder):
		r.outside = path
		return ""
	case err == nil && info.IsDir():
		return r.directory(path)
	case err == nil && !r.add(path):
		return "is the configuration itself: a roster is a file of its own"
	case err == nil:
		return ""
	case !strings.ContainsAny(entry, "*?["):
		return fileProblem(err)
	case strings.Contains(entry, "**"):
		return problemTwoStars
	}
	return r.pattern(file, entry)
}

// pattern adds the files that match. As in a shell, a wildcard matches no name
// that begins with a dot.
func (r *resolver) pattern(file, entry string) string {
	path := relativeTo(file, entry)
	if !filepath.IsAbs(filepath.FromSlash(entry)) && filepath.Separator == '/' {
		// The directory of the configuration is no pattern, whatever its name is.
		path = filepath.Join(literal.Replace(filepath.Dir(file)), filepath.FromSlash(entry))
	}
	matches, err := filepath.Glob(path)
	if err != nil {
		return problemPattern
	}
	found := false
	for _, match := range matches {
		if hiddenMatch(path, match) {
			continue
		}
		if info, err := os.Stat(match); err == nil && info.IsDir() {
			continue
		}
		found = r.add(match) || found
	}
	if !found {
		return problemNoMatch
	}
	return ""
}

// literalFolder is the folder that a pattern names before its first wildcard.
func literalFolder(pattern string) string {
	folder := filepath.Dir(pattern)
	for strings.ContainsAny(folder, "*?[") {
		folder = filepath.Dir(folder)
	}
	return folder
}

// literal makes of a path a pattern that matches it alone.
var literal = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// hiddenMatch reports whether a wildcard matched the dot that a name begins with.
func hiddenMatch(pattern, match string) bool {
	patterns, names := strings.Split(pattern, string(filepath.Separator)), strings.Split(match, string(filepath.Separator))
	for i, name := range names {
		if strings.HasPrefix(name, ".") && i < len(patterns) && !strings.HasPrefix(patterns[i], ".") {
			return true
		}
	}
	return false
}

// directory adds the YAML files of a directory and of those below it. Names that
// begin with a dot are left out. Links to directories are not followed, since
// they may go round in circles; they are refused, since whoever is left out of a
// roster loses access.
func (r *resolver) directory(directory string) string {
	root, err := filepath.EvalSymlinks(directory)
	if err != nil {
		return fileProblem(err)
	}
	found, link := false, ""
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := path != root && strings.HasPrefix(entry.Name(), ".")
		switch {
		case hidden && entry.IsDir():
			return filepath.SkipDir
		case hidden || entry.IsDir():
			return nil
		}
		below := strings.TrimPrefix(strings.TrimPrefix(path, root), string(filepath.Separator))
		named := filepath.Join(directory, below)
		if entry.Type()&fs.ModeSymlink != 0 {
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				link = below
				return nil
			}
		}
		if extension := filepath.Ext(path); extension == ".yaml" || extension == ".yml" {
			found = r.add(named) || found
		}
		return nil
	})
	switch {
	case err != nil:
		return fileProblem(err)
	case link != "":
		return fmt.Sprintf("holds %s, a link to a directory, which is not followed: name that directory in roster", quote(filepath.ToSlash(link)))
	case !found && r.config != nil && holds(root, r.config):
		return "holds no .yaml or .yml file beside the configuration"
	case !found:
		return "holds no .yaml or .yml file"
	}
	return ""
}

// holds reports whether a file stands in a directory.
func holds(directory string, file os.FileInfo) bool {
	info, err := os.Stat(filepath.Join(directory, file.Name()))
	return err == nil && os.SameFile(info, file)
}
