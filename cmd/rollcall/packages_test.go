package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"rollcall/sources"
)

// The folders that people copy to run rollcall somewhere.
const (
	kubernetesFolder = "../../examples/kubernetes"
	systemdFolder    = "../../examples/systemd"
)

// accepted reports what is wrong with the arguments of rollcall.
func accepted(args []string) error {
	root := newApp(strings.NewReader(""), io.Discard, io.Discard).root()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if cmd == root {
		return errors.New("no command is named")
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

func TestAcceptedRefuses(t *testing.T) {
	for _, args := range [][]string{{"run", "--listn", "x"}, {"runn"}, {"run", "surplus"}, {"--log-format", "json"}} {
		if accepted(args) == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

// An object is one document of Kubernetes.
type object map[string]any

// in is what stands at a path of keys and indices; nil when nothing does.
func (o object) in(path ...any) any {
	var here any = map[string]any(o)
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := here.(map[string]any)
			here = m[s]
		case int:
			list, _ := here.([]any)
			if s >= len(list) {
				return nil
			}
			here = list[s]
		}
	}
	return here
}

// objects are the documents of a file by their kind.
func objects(t *testing.T, name string) map[string]object {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(read(t, filepath.Join(kubernetesFolder, name))))
	all := make(map[string]object)
	for {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		kind, _ := o["kind"].(string)
		if kind == "" || o["apiVersion"] == nil || all[kind] != nil {
			t.Fatalf("%s: a document has no apiVersion and kind of its own: %v", name, o)
		}
		all[kind] = o
	}
}

// holds says what of the wanted is not so.
func holds(t *testing.T, where string, o object, want map[string]any) {
	t.Helper()
	for path, value := range want {
		var steps []any
		for step := range strings.SplitSeq(path, ".") {
			if i, err := strconv.Atoi(step); err == nil {
				steps = append(steps, i)
				continue
			}
			steps = append(steps, step)
		}
		if got := fmt.Sprint(o.in(steps...)); got != fmt.Sprint(value) {
			t.Errorf("%s: %s is %s, want %v", where, path, got, value)
		}
	}
}

// words are the texts of a list.
func words(list any) []string {
	var all []string
	items, _ := list.([]any)
	for _, item := range items {
		all = append(all, fmt.Sprint(item))
	}
	return all
}

// Everything in examples/kubernetes is what the program takes, and its pods have no right
// that they do not need.
func TestKubernetesExample(t *testing.T) {
	kustomization := objects(t, "kustomization.yaml")["Kustomization"]
	for _, file := range words(kustomization.in("resources")) {
		objects(t, file)
	}
	configs := words(kustomization.in("configMapGenerator", 0, "files"))
	deployment, cron := objects(t, "deployment.yaml"), objects(t, "cronjob.yaml")
	for name, pod := range map[string]object{
		"deployment.yaml": {"pod": deployment["Deployment"].in("spec", "template")},
		"cronjob.yaml":    {"pod": cron["CronJob"].in("spec", "jobTemplate", "spec", "template")},
	} {
		t.Run(name, func(t *testing.T) {
			holds(t, name, pod, map[string]any{
				"pod.metadata.labels":                     map[string]any{"app.kubernetes.io/name": "rollcall"},
				"pod.spec.serviceAccountName":             "rollcall",
				"pod.spec.automountServiceAccountToken":   false,
				"pod.spec.enableServiceLinks":             false,
				"pod.spec.securityContext.runAsNonRoot":   true,
				"pod.spec.securityContext.runAsUser":      65532,
				"pod.spec.securityContext.fsGroup":        65532,
				"pod.spec.securityContext.seccompProfile": map[string]any{"type": "RuntimeDefault"},
				"pod.spec.containers.1":                   nil,
				"pod.spec.containers.0.image":             kustomization.in("images", 0, "name"),
				"pod.spec.containers.0.securityContext":   map[string]any{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": map[string]any{"drop": []any{"ALL"}}},
				"pod.spec.containers.0.envFrom":           []any{map[string]any{"secretRef": map[string]any{"name": "rollcall"}}},
				"pod.spec.containers.0.workingDir":        "/srv/rollcall",
			})
			for _, resource := range []any{pod.in("pod", "spec", "containers", 0, "resources", "requests", "cpu"), pod.in("pod", "spec", "containers", 0, "resources", "limits", "memory")} {
				if resource == nil {
					t.Error("its resources are not limited")
				}
			}
			args := words(pod.in("pod", "spec", "containers", 0, "args"))
			if err := accepted(args); err != nil {
				t.Errorf("%q: %v", args, err)
			}
			// What is under way has to be able to end.
			if seconds, is := pod.in("pod", "spec", "terminationGracePeriodSeconds").(uint64); !is || seconds < 60 {
				t.Errorf("it is killed after %v", pod.in("pod", "spec", "terminationGracePeriodSeconds"))
			}
			// .rollcall can be written, and every file of the configuration is there.
			volumes := make(map[string]string)
			for i := range 3 {
				volume := object{"v": pod.in("pod", "spec", "volumes", i)}
				for _, kind := range []string{"emptyDir", "configMap"} {
					if volume.in("v", kind) != nil {
						volumes[fmt.Sprint(volume.in("v", "name"))] = kind
					}
				}
			}
			mounted := make(map[string]string)
			mounts, _ := pod.in("pod", "spec", "containers", 0, "volumeMounts").([]any)
			for _, mount := range mounts {
				m := object{"m": mount}
				mounted[fmt.Sprint(m.in("m", "mountPath"))] = volumes[fmt.Sprint(m.in("m", "name"))]
			}
			want := map[string]string{"/srv/rollcall": "emptyDir", "/tmp": "emptyDir"}
			for _, file := range configs {
				want["/srv/rollcall/"+file] = "configMap"
			}
			if fmt.Sprint(mounted) != fmt.Sprint(want) {
				t.Errorf("mounted are %v, want %v", mounted, want)
			}
		})
	}
	holds(t, "deployment.yaml", deployment["Deployment"], map[string]any{
		"spec.replicas":             2,
		"spec.selector.matchLabels": map[string]any{"app.kubernetes.io/name": "rollcall"},
		"spec.template.spec.containers.0.livenessProbe.httpGet":  map[string]any{"path": "/healthz", "port": "http"},
		"spec.template.spec.containers.0.readinessProbe.httpGet": map[string]any{"path": "/readyz", "port": "http"},
		"spec.template.spec.containers.0.ports.0.containerPort":  9090,
		"spec.template.spec.containers.0.args.4":                 "0.0.0.0:9090",
	})
	holds(t, "deployment.yaml", deployment["PodDisruptionBudget"], map[string]any{
		"spec.minAvailable": 1, "spec.selector.matchLabels": map[string]any{"app.kubernetes.io/name": "rollcall"},
	})
	holds(t, "cronjob.yaml", cron["CronJob"], map[string]any{
		"spec.concurrencyPolicy": "Forbid", "spec.jobTemplate.spec.backoffLimit": 0,
		"spec.jobTemplate.spec.template.spec.restartPolicy": "Never",
	})
	holds(t, "networkpolicy.yaml", objects(t, "networkpolicy.yaml")["NetworkPolicy"], map[string]any{
		"spec.podSelector.matchLabels": map[string]any{"app.kubernetes.io/name": "rollcall"},
		"spec.policyTypes":             []any{"Ingress", "Egress"},
		"spec.ingress.0.ports.0.port":  9090, "spec.ingress.1": nil,
		"spec.egress.0.ports.0.port": 53, "spec.egress.1.ports.0.port": 443, "spec.egress.2.ports.0.port": 5432, "spec.egress.3": nil,
	})
	holds(t, "serviceaccount.yaml", objects(t, "serviceaccount.yaml")["ServiceAccount"], map[string]any{"automountServiceAccountToken": false})
	holds(t, "namespace.yaml", objects(t, "namespace.yaml")["Namespace"], map[string]any{
		"metadata.labels": map[string]any{"pod-security.kubernetes.io/enforce": "restricted"},
		"metadata.name":   kustomization.in("namespace"),
	})
}

// secretNames are the variables that a configuration reads secrets from.
var secretNames = regexp.MustCompile(`\{env: ([A-Z_]+)\}`)

// The configuration of examples/kubernetes is valid, and its README says how to make each
// secret that it names.
func TestKubernetesExampleConfiguration(t *testing.T) {
	file := filepath.Join(kubernetesFolder, "rollcall.yaml")
	config, problems := sources.LoadConfig(file)
	if config == nil || len(problems) > 0 {
		t.Fatalf("%v", problems)
	}
	if config.Schedule.Cron == "" || config.Ledger.URL == nil || config.Listen.Token == nil || config.Notify.Webhook == nil {
		t.Errorf("it is %+v", config)
	}
	var stdout, stderr bytes.Buffer
	if code := run([]string{"-c", file, "validate"}, strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Errorf("exit %d: %s", code, &stderr)
	}
	readme := read(t, filepath.Join(kubernetesFolder, "README.md"))
	names := secretNames.FindAllStringSubmatch(read(t, file), -1)
	for _, name := range names {
		if !strings.Contains(readme, name[1]) {
			t.Errorf("README.md does not say how to make %s", name[1])
		}
	}
	if len(names) < 5 {
		t.Errorf("%d secrets are found", len(names))
	}
}

// hardening are the settings of a unit below its line about what it writes to.
func hardening(unit string) string {
	_, rest, _ := strings.Cut(unit, "\nReadWritePaths=")
	rest, _, _ = strings.Cut(rest, "\n[")
	return strings.TrimSpace(rest)
}

// The units of examples/systemd run what the program takes, and are hardened alike.
func TestSystemdExample(t *testing.T) {
	service, once := read(t, filepath.Join(systemdFolder, "rollcall.service")), read(t, filepath.Join(systemdFolder, "rollcall-once.service"))
	timer := read(t, filepath.Join(systemdFolder, "rollcall.timer"))
	for name, unit := range map[string]string{"rollcall.service": service, "rollcall-once.service": once} {
		_, line, _ := strings.Cut(unit, "\nExecStart=/usr/local/bin/rollcall ")
		line, _, _ = strings.Cut(line, "\n")
		args := strings.Fields(line)
		if err := accepted(args); err != nil {
			t.Errorf("%s: %q: %v", name, args, err)
		}
		if slices.Contains(args, "--once") != strings.Contains(unit, "\nType=oneshot\n") {
			t.Errorf("%s: its type is not that of %q", name, args)
		}
		for _, setting := range []string{
			"User=rollcall", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes",
			"CapabilityBoundingSet=", "MemoryDenyWriteExecute=yes", "RestrictNamespaces=yes", "SystemCallFilter=@system-service", "KillMode=mixed", "UMask=0077",
			"ReadWritePaths=/etc/rollcall/.rollcall",
		} {
			if !strings.Contains(unit, "\n"+setting+"\n") {
				t.Errorf("%s does not have %s", name, setting)
			}
		}
	}
	if hardening(service) != hardening(once) || len(hardening(service)) < 500 {
		t.Error("the two services are not hardened alike")
	}
	if !strings.Contains(timer, "\nUnit=rollcall-once.service\n") || !strings.Contains(timer, "\nPersistent=yes\n") {
		t.Errorf("the timer is %s", timer)
	}

	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze")
	}
	dir := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for name, unit := range map[string]string{"rollcall.service": service, "rollcall-once.service": once, "rollcall.timer": timer} {
		write(t, dir, name, strings.ReplaceAll(unit, "/usr/local/bin/rollcall", program))
		files = append(files, filepath.Join(dir, name))
	}
	if out, err := exec.CommandContext(t.Context(), analyze, append([]string{"verify"}, files...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v: %s", err, out)
	}
	for _, name := range []string{"rollcall.service", "rollcall-once.service"} {
		out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=15", "--no-pager", filepath.Join(dir, name)).CombinedOutput()
		if err != nil {
			t.Errorf("%s is exposed: %v: %s", name, err, out[max(len(out)-200, 0):])
		}
	}
}

// The images have a program without C, certificates, and no user but one without rights.
func TestDockerfile(t *testing.T) {
	text := read(t, "../../Dockerfile")
	goVersion := regexp.MustCompile(`(?m)^go (1\.[0-9]+)`).FindStringSubmatch(read(t, "../../go.mod"))
	stages := strings.Split(text, "\nFROM ")[1:]
	if len(stages) != 3 || goVersion == nil {
		t.Fatalf("%d stages", len(stages))
	}
	build, last := stages[0], stages[2]
	if !strings.HasPrefix(build, "golang:"+goVersion[1]+" AS build") || !strings.Contains(build, "CGO_ENABLED=0 go build -trimpath") {
		t.Errorf("it is built by %s", build)
	}
	if !strings.HasPrefix(last, "scratch\n") || !strings.Contains(last, "/etc/ssl/certs/ca-certificates.crt") || strings.Contains(last, "RUN ") {
		t.Errorf("the last stage is %s", last)
	}
	if !strings.HasPrefix(stages[1], "alpine:") || !strings.Contains(stages[1], "git") {
		t.Errorf("the stage with git is %s", stages[1])
	}
	for _, stage := range stages[1:] {
		if !strings.Contains(stage, "\nUSER 65532:65532\n") || !strings.Contains(stage, "\nENTRYPOINT [\"/usr/local/bin/rollcall\"]\n") {
			t.Errorf("it does not run as a user by number: %s", stage)
		}
	}
	if strings.Contains(text, "\nADD ") {
		t.Error("something is fetched that nobody checks")
	}
	ignored := read(t, "../../.dockerignore")
	for _, pattern := range []string{"**/.rollcall", "**/*-key.json", "**/*.token", "**/*.env"} {
		if !strings.Contains(ignored, "\n"+pattern+"\n") {
			t.Errorf(".dockerignore lets %s in", pattern)
		}
	}
}
