package io.skerry.packager.graph;

import java.util.Collection;
import java.util.HashSet;
import java.util.Set;

/** Names that are taken, and others beside them. */
final class Names {
  private final Set<String> taken = new HashSet<>();

  void take(Collection<String> names) {
    taken.addAll(names);
  }

  /** The wanted name, or one like it that is nobody's; from now on it is taken. */
  String free(String wanted) {
    String free = wanted;
    for (int i = 2; !taken.add(free); i++) {
      free = wanted + "#" + i;
    }
    return free;
  }
}
