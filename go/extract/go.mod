module mattermost-plugin/extract

go 1.26
