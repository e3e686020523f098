package canon

import (
	"reflect"

	"mattermost-plugin/mattermost"
)

// giveTypes gives the values in interfaces the registered types that Mattermost's own code has there; canonical JSON does not show
// them. It is what `any_keys` and `any_types` in schema/overrides.toml say.
func giveTypes(value reflect.Value, object map[string]any) error {
	switch target := value.Addr().Interface().(type) {
	case *mattermost.Post:
		return giveKey[[]*mattermost.MessageAttachment](target.Props, "attachments", object["props"])
	case *mattermost.PropertyField:
		// Options may also be plain maps, which the server takes as well.
		_ = giveKey[[]*mattermost.PluginPropertyOption](target.Attrs, "options", object["attrs"])
	case *mattermost.PostEmbed:
		if target.Type == mattermost.PostEmbedPermalink {
			return give[*mattermost.PreviewPost](&target.Data, object["data"])
		}
	case *mattermost.AutocompleteArg:
		switch target.Type {
		case mattermost.AutocompleteArgTypeText:
			return give[*mattermost.AutocompleteTextArg](&target.Data, object["data"])
		case mattermost.AutocompleteArgTypeStaticList:
			return give[*mattermost.AutocompleteStaticListArg](&target.Data, object["data"])
		case mattermost.AutocompleteArgTypeDynamicList:
			return give[*mattermost.AutocompleteDynamicListArg](&target.Data, object["data"])
		}
	}
	return nil
}

func give[T any](target *any, tree any) error {
	if tree == nil {
		return nil
	}
	var typed T
	err := Assign(reflect.ValueOf(&typed).Elem(), tree)
	if err == nil {
		*target = typed
	}
	return err
}

func giveKey[T any](entries map[string]any, key string, tree any) error {
	object, _ := tree.(map[string]any)
	value, ok := entries[key]
	if !ok {
		return nil
	}
	err := give[T](&value, object[key])
	if err == nil {
		entries[key] = value
	}
	return err
}
