package io.skerry.profile;

import java.util.List;

/**
 * How a class of board is recognised.
 *
 * @param arch {@code x86-64} or {@code arm64}; empty when any will do
 * @param cpuAll features that all must be there
 * @param cpuAny features of which one must be there, unless the list is empty
 * @param accelerators kinds that all must be there, without version
 * @param priority of several profiles that match the highest wins: more specific ones are higher
 */
public record Recognition(
    String arch,
    List<String> cpuAll,
    List<String> cpuAny,
    List<String> accelerators,
    int priority) {
  public Recognition {
    cpuAll = List.copyOf(cpuAll);
    cpuAny = List.copyOf(cpuAny);
    accelerators = List.copyOf(accelerators);
  }

  ProfileMatch match(HardwareFacts facts) {
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
    return ProfileMatch.YES;
  }

  private static boolean isOfKind(String found, String kind) {
    return found.equals(kind) || found.startsWith(kind + ":");
  }
}
