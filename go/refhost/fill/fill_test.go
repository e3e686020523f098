package fill_test

import (
	"reflect"
	"testing"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/fill"
)

func post(seed uint64, nils bool) *mattermost.Post {
	args := &mattermost.MessageWillBePostedArgs{}
	fill.New(seed, "post", nils).Struct(args)
	return args.B
}

func TestSameSeedSameValue(t *testing.T) {
	if !reflect.DeepEqual(post(1, false), post(1, false)) {
		t.Error("the same seed gave different posts")
	}
	if reflect.DeepEqual(post(1, false), post(2, false)) {
		t.Error("different seeds gave the same post")
	}
}

func TestEveryFieldIsSet(t *testing.T) {
	value := reflect.ValueOf(post(3, false)).Elem()
	for i := range value.NumField() {
		if value.Field(i).IsZero() {
			t.Errorf("%s is zero", value.Type().Field(i).Name)
		}
	}
}

func TestNils(t *testing.T) {
	value := reflect.ValueOf(post(3, true)).Elem()
	for i := range value.NumField() {
		field := value.Field(i)
		switch field.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			if !field.IsNil() {
				t.Errorf("%s is not nil", value.Type().Field(i).Name)
			}
		default:
			if field.IsZero() {
				t.Errorf("%s is zero", value.Type().Field(i).Name)
			}
		}
	}
}
