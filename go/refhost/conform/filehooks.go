package conform

import (
	"bytes"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/fill"
)

const fileHook = "FileWillBeUploaded"

// fileCase is one upload that the plugin may look at.
type fileCase struct {
	record
	content []byte
	args    *mattermost.FileWillBeUploadedArgs
	told    toldStream
	returns *mattermost.FileWillBeUploadedReturns // nil: the handler has no opinion

	reply *mattermost.FileWillBeUploadedReturns
}

// fileCases are the seeded cases of FileWillBeUploaded.
func fileCases(seed uint64) []*fileCase {
	full := newFileCase(seed, variantFull, 100_000, sized(1, 70_000, 3))
	none := newFileCase(seed, variantNone, 0, nil)
	none.returns, none.told.read = nil, 0
	large := newFileCase(seed, "megabytes", 3*mebibyte+1, sized(1, 65535, 65536, 65537, mebibyte, 2*mebibyte))
	part := newFileCase(seed, "a part of the file is read", mebibyte, nil)
	part.told.read = 1234
	return []*fileCase{full, none, large, part}
}

func newFileCase(seed uint64, variant string, size int, chunks []chunk) *fileCase {
	c := &fileCase{record: record{name: "hook streams/FileWillBeUploaded/" + variant}, args: &mattermost.FileWillBeUploadedArgs{}}
	c.content = seededBytes(seed, c.name+"content", size)
	c.told = toldStream{read: all, sends: newBody(seed, c.name, chunks)}
	c.returns = &mattermost.FileWillBeUploadedReturns{}
	spec := mattermost.HookByName(fileHook)
	fillSlots(fill.New(seed, c.name, false), variant, c.args, spec.Params, false)
	fillSlots(fill.New(seed, c.name+"returns", false), variant, c.returns, spec.Results, false)
	return c
}

func (c *fileCase) run(s *session) error {
	spec := mattermost.HookByName(fileHook)
	told, err := c.told.tree(s.dir, s.number+1)
	if err != nil {
		return err
	}
	defer c.told.sends.remove()
	if c.returns != nil {
		if told["returns"], err = canon.Slots(c.returns, spec.Results); err != nil {
			return err
		}
	}
	if err := s.tell(fileHook, told); err != nil {
		return err
	}
	copied, err := copyOf(c.args)
	if err != nil {
		return err
	}
	sent := copied.(*mattermost.FileWillBeUploadedArgs)
	var output bytes.Buffer
	info, reason, err := s.plugin.FileWillBeUploaded(c.args.A, c.args.B, bytes.NewReader(c.content), &output)
	c.reply = &mattermost.FileWillBeUploadedReturns{A: info, B: reason}
	if err != nil && c.told.fail == "" {
		c.problemf("the hook failed: %v", err)
	}
	out := c.checkArguments(s, spec, sent)
	if out.Body == nil {
		c.problemf("the plugin says nothing of the file that it read")
	} else {
		c.problem("the plugin received another file: ", digestOf(c.told.readOf(c.content)).compare(*out.Body))
	}
	return c.checkReply(spec, sent, output.Bytes())
}

// checkReply compares what the host has after the call. A handler that failed leaves the file as it was.
func (c *fileCase) checkReply(spec *mattermost.MethodSpec, sent *mattermost.FileWillBeUploadedArgs, output []byte) error {
	want := &mattermost.FileWillBeUploadedReturns{}
	if c.returns != nil && c.told.fail == "" {
		*want = *c.returns
	}
	if err := expectMerged(spec, sent, want); err != nil {
		return err
	}
	c.problem("reply", canon.Compare(want, c.reply))
	if c.told.fail == "" {
		c.problem("the host received another replacement: ", digestOf(c.told.sends.data).compare(digestOf(output)))
	}
	return nil
}

// cover notes what was in the arguments and results.
func (c *fileCase) cover(report *Report) {
	spec := mattermost.HookByName(fileHook)
	returns := c.returns
	if returns == nil {
		returns = &mattermost.FileWillBeUploadedReturns{}
	}
	report.inPlugin.expect(c.args, spec.Params)
	report.inHost.expect(returns, spec.Results)
	if len(c.problems) == 0 {
		report.inPlugin.see(c.args, spec.Params)
		report.inHost.see(returns, spec.Results)
		report.exercised["hook "+fileHook] = true
	}
}
