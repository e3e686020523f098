package canon_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/fill"
)

// Every argument and reply struct survives the way to JSON and back.
func TestRoundTripOfAllStructs(t *testing.T) {
	count := 0
	for _, list := range [][]mattermost.MethodSpec{mattermost.API, mattermost.Hooks} {
		for _, spec := range list {
			for _, value := range []any{spec.NewArgs(), spec.NewReturns()} {
				filler := fill.New(1, spec.Name, false)
				filler.Struct(value)
				data, err := canon.Encode(value)
				if err != nil {
					t.Fatalf("%s: %v", spec.Name, err)
				}
				back, err := canon.Decode(data, reflect.TypeOf(value))
				if err != nil {
					t.Fatalf("%s: %v in %s", spec.Name, err, data)
				}
				if differences := canon.Compare(value, back.Interface()); len(differences) > 0 {
					t.Errorf("%s: %v", spec.Name, differences)
				}
				count++
			}
		}
	}
	if count < 2*(237+46) {
		t.Errorf("only %d structs were tried", count)
	}
}

func TestKindsStayApart(t *testing.T) {
	value := map[string]any{
		"int": 1, "float": 1.0, "large": int64(math.MaxInt64), "bytes": []byte("ab"), "text": "ab", "tiny": 1e-9,
		"unsigned": uint64(math.MaxUint64),
	}
	data, err := canon.Encode(value)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"bytes":{"$bytes":"YWI="},"float":1.0,"int":1,"large":9223372036854775807,"text":"ab","tiny":1e-09,"unsigned":18446744073709551615}`
	if string(data) != want {
		t.Fatalf("%s", data)
	}
	back, err := canon.Decode(data, reflect.TypeFor[map[string]any]())
	if err != nil {
		t.Fatal(err)
	}
	value["large"] = int(math.MaxInt64) // an integer in an interface becomes an int
	if !reflect.DeepEqual(back.Interface(), value) {
		t.Fatalf("%#v", back.Interface())
	}
}

func TestTimeIsAnInstant(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678000, time.FixedZone("", 3600))
	data, err := canon.Encode(&at)
	if err != nil || string(data) != `{"$time":"2026-01-02T02:04:05.000678Z"}` {
		t.Fatalf("%s %v", data, err)
	}
}

func TestWrongKindsAreRefused(t *testing.T) {
	for text, part := range map[string]string{
		`{"message":1}`:          "is not a string",
		`{"create_at":1.5}`:      "is not a int64",
		`{"create_at":"1"}`:      "is not a int64",
		`{"no_such_field":1}`:    "has no field",
		`{"file_ids":{"a":"b"}}`: "is not a",
		`{} {}`:                  "more than one",
	} {
		_, err := canon.Decode([]byte(text), reflect.TypeFor[*mattermost.Post]())
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A change of any leaf of a value is a difference.
func TestCompareSeesEveryChange(t *testing.T) {
	args := &mattermost.MessageWillBePostedArgs{}
	fill.New(7, "post", false).Struct(args)
	tree, err := canon.Tree(reflect.ValueOf(args))
	if err != nil {
		t.Fatal(err)
	}
	leaves := 0
	mutate(tree, func() {
		leaves++
		if differences := canon.Diff(mustTree(t, args), tree); len(differences) != 1 {
			t.Errorf("the change gave %v", differences)
		}
	})
	if leaves < 100 {
		t.Errorf("only %d leaves were changed", leaves)
	}
}

func mustTree(t *testing.T, value any) any {
	tree, err := canon.Tree(reflect.ValueOf(value))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// mutate changes one leaf after the other and calls check while it is changed.
func mutate(tree any, check func()) {
	switch tree := tree.(type) {
	case map[string]any:
		for key, item := range tree {
			if isLeaf(item) {
				tree[key] = "changed"
				check()
				tree[key] = item
				continue
			}
			mutate(item, check)
		}
	case []any:
		for i, item := range tree {
			if isLeaf(item) {
				tree[i] = "changed"
				check()
				tree[i] = item
				continue
			}
			mutate(item, check)
		}
	}
}

func isLeaf(tree any) bool {
	switch tree.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

func TestSubset(t *testing.T) {
	got := map[string]any{"a": "x", "b": []any{true, map[string]any{"c": "y", "d": "z"}}}
	if found := canon.Subset(map[string]any{"b": []any{true, map[string]any{"c": "y"}}}, got); len(found) > 0 {
		t.Error(found)
	}
	for _, want := range []any{
		map[string]any{"a": "y"}, map[string]any{"b": []any{true}}, map[string]any{"new": "x"}, "a",
	} {
		if found := canon.Subset(want, got); len(found) == 0 {
			t.Errorf("%v is no subset", want)
		}
	}
}

func TestErrors(t *testing.T) {
	reply := &mattermost.OnActivateReturns{A: &mattermost.AppError{Id: "some.id", StatusCode: 404, Where: "here"}}
	data, err := canon.Encode(reply)
	if err != nil {
		t.Fatal(err)
	}
	back, err := canon.Decode(data, reflect.TypeOf(reply))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back.Interface(), reply) {
		t.Fatalf("%s", data)
	}
}
