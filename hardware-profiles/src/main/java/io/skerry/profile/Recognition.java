package io.skerry.profile;

import java.util.List;
import java.util.Locale;

/**
 * How a class of board is recognised.
 *
 * @param arch {@code x86-64} or {@code arm64}; empty when any will do
 * @param cpuAll features that all must be there
 * @param cpuAny features of which one must be there, unless the list is empty
 * @param accelerators kinds that all must be there, without version
 * @param engines engines with a provider that all must work, as {@link HardwareFacts} names them
 * @param boards parts of a board's name of which one must be there, unless the list is empty; upper
 *     and lower case are one
 * @param priority of several profiles that match the highest wins: more specific ones are higher
 */
public record Recognition(
    String arch,
    List<String> cpuAll,
    List<String> cpuAny,
    List<String> accelerators,
    List<String> engines,
    List<String> boards,
    int priority) {
  public Recognition {
    cpuAll = List.copyOf(cpuAll);
    cpuAny = List.copyOf(cpuAny);
    accelerators = List.copyOf(accelerators);
    engines = List.copyOf(engines);
    boards = List.copyOf(boards);
  }

  ProfileMatch match(HardwareFacts facts) {
    ProfileMatch machine = matchMachine(facts);
    return machine.matches() ? matchEngines(facts) : machine;
  }

  /** Whether the machine is one, whatever engines it has. */
  ProfileMatch matchMachine(HardwareFacts facts) {
    if (!arch.isEmpty() && !arch.equals(facts.arch())) {
      return ProfileMatch.no("needs %s, this is %s".formatted(arch, facts.arch()));
    }
    for (String feature : cpuAll) {
      if (!facts.cpuFeatures().contains(feature)) {
        return ProfileMatch.no("needs the CPU feature %s".formatted(feature));
      }
    }
    if (!cpuAny.isEmpty() && cpuAny.stream().noneMatch(facts.cpuFeatures()::contains)) {
      return ProfileMatch.no("needs one of the CPU features %s".formatted(cpuAny));
    }
    for (String kind : accelerators) {
      if (facts.accelerators().stream().noneMatch(found -> isOfKind(found, kind))) {
        return ProfileMatch.no("needs the accelerator %s".formatted(kind));
      }
    }
    String board = facts.board().toLowerCase(Locale.ROOT);
    if (!boards.isEmpty()
        && boards.stream().noneMatch(part -> board.contains(part.toLowerCase(Locale.ROOT)))) {
      return ProfileMatch.no("needs a board of %s, this is '%s'".formatted(boards, facts.board()));
    }
    return ProfileMatch.YES;
  }

  private ProfileMatch matchEngines(HardwareFacts facts) {
    for (String engine : engines) {
      if (!facts.engines().contains(engine)) {
        return ProfileMatch.no(
            "needs the engine %s, here work %s".formatted(engine, facts.engines()));
      }
    }
    return ProfileMatch.YES;
  }

  private static boolean isOfKind(String found, String kind) {
    return found.equals(kind) || found.startsWith(kind + ":");
  }
}
