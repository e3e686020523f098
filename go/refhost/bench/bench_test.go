package bench_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"mattermost-plugin/refhost/bench"
	"mattermost-plugin/refhost/internal/bundle"
)

func TestBench(t *testing.T) {
	result, err := bench.Run(bench.Options{
		Plugins: []bench.Entry{{Name: "go", Dir: bundle.Make(t, "com.example.a", "")}, {Name: "same", Dir: bundle.Make(t, "com.example.b", "")}},
		Rounds:  2, Calls: 30, Concurrent: []int{1, 4}, Workloads: append(bench.HTTPWorkloads, bench.Workloads...), Activations: 1, Progress: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go", "same"} {
		figure := result.Plugins[name]
		if figure.ActivationMS <= 0 || len(figure.Memory) != 1 || figure.Memory[0].KB == 0 || len(figure.Cells) != 16 {
			t.Errorf("%s: %+v", name, figure)
		}
		for cell, values := range figure.Cells {
			if values.P50 <= 0 || values.P99 < values.P50 || values.Rate <= 0 || values.P50Ratio <= 0 {
				t.Errorf("%s, %s: %+v", name, cell, values)
			}
		}
	}
	var tables bytes.Buffer
	result.Markdown(&tables)
	if !strings.Contains(tables.String(), "| go |") || !strings.Contains(tables.String(), "4 at once") {
		t.Error(tables.String())
	}
}

func TestAPluginThatDoesNotDoTheWorkFails(t *testing.T) {
	for workload, want := range map[string]string{
		bench.Plain: "did not answer the workload", bench.Small: "/hello: status 404", bench.Down: "status 404", bench.Up: "status 404",
	} {
		_, err := bench.Run(bench.Options{
			Plugins: []bench.Entry{{Name: "idle", Dir: bundle.Make(t, "com.example.a", "idle")}},
			Rounds:  1, Calls: 1, Concurrent: []int{1}, Workloads: []string{workload}, Progress: io.Discard,
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", workload, err)
		}
	}
}
