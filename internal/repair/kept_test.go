// SPDX-License-Identifier: MPL-2.0

package repair

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// Of the rows that a damaged AOF still has, those that can be read come into the new
// one, and the others stay behind.
func TestUnreadableRowsStayBehind(t *testing.T) {
	of := identitytest.NewTopicOf(7, 4096)
	topic := &layout.Topic{ID: digest.Hash(of.ID()), Genesis: of.Genesis, Keys: of.Keys}
	two := []digest.Hash{{1}, {2}}
	names := func(all ...digest.Hash) []byte { return layout.Follows.Value(all) }
	salvaged := map[string][]byte{
		string(layout.Follows.Key(topic.ID)):             names(two...),
		string(layout.Follows.Key(digest.Hash{5})):       names(two[1], two[0]),
		string(layout.Follows.Key(digest.Hash{6})):       make([]byte, 33),
		string(layout.Follows.Key(digest.Hash{7})):       names(slices.Repeat(two, layout.MaxFollowed)...),
		string(layout.Follows.Key(digest.Hash{8})) + ".": names(two...),
		layout.Follows.Prefix + "123":                    nil,
	}
	old := &aof.Salvage{Rows: map[aof.Bucket]map[string][]byte{aof.Meta: salvaged}}
	s := &rows{r: &repairer{report: &Report{}}, old: old}
	fresh, err := aof.Open(filepath.Join(t.TempDir(), "aof"), aof.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if err := fresh.Commit(func(txn *aof.Txn) error { return s.putTopics(txn, []*layout.Topic{topic}) }); err != nil {
		t.Fatal(err)
	}
	follows := map[digest.Hash][]digest.Hash{}
	err = fresh.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Follows, func(of digest.Hash, names []digest.Hash) error {
			follows[of] = names
			return nil
		})
	})
	if err != nil || len(follows) != 1 || !slices.Equal(follows[topic.ID], two) {
		t.Errorf("after a repair: %v, %v", follows, err)
	}
}
