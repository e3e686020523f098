package canon

import (
	"reflect"

	"mattermost-plugin/mattermost"
)

// SlotValue is the value of a slot: a field of the RPC struct that structure points to, or all of it where the RPC type is bare.
func SlotValue(structure any, slot mattermost.Slot) reflect.Value {
	value := reflect.ValueOf(structure).Elem()
	if slot.Field == "" {
		return value
	}
	return value.FieldByName(slot.Field)
}

// Slots are the values of all slots in canonical form.
func Slots(structure any, list []mattermost.Slot) ([]any, error) {
	values := make([]any, len(list))
	for i, slot := range list {
		tree, err := Tree(SlotValue(structure, slot))
		if err != nil {
			return nil, err
		}
		values[i] = tree
	}
	return values, nil
}
