package sources

// A YAMLFile is a YAML file that is neither a roster nor rollcall.yaml. It is
// read with the same strictness.
type YAMLFile struct{ src *sourceFile }

// ReadYAML reads one such file. Without diagnostics of the severity [Error] there
// is a file.
func ReadYAML(path string) (*YAMLFile, Diagnostics) {
	src, ds := readFile(path)
	if src == nil {
		return nil, ds
	}
	if len(src.diagnostics) > 0 {
		return nil, sortDiagnostics(src.diagnostics)
	}
	return &YAMLFile{src: src}, nil
}

// Data is what the file says, in the types of encoding/json (whole numbers as
// int64).
func (f *YAMLFile) Data() any { return f.src.root.Any() }

// Problem is something wrong with what stands at a path: names, and the indexes
// of lists in decimal. What is not there is shown where it would have to stand.
func (f *YAMLFile) Problem(path []string, message string) Diagnostics {
	_, line, column, _ := f.src.root.Find(path)
	return Diagnostics{{Severity: Error, File: f.src.name, Line: line, Column: column, Message: message, Source: f.src.line(line, column)}}
}
