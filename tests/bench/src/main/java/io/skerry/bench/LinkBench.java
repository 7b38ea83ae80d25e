package io.skerry.bench;

import io.skerry.e2e.fault.Catalogue;
import io.skerry.e2e.fault.Fault;
import io.skerry.e2e.fault.FaultRunner;
import io.skerry.e2e.fault.Outcome;
import io.skerry.e2e.scene.Knocks;
import io.skerry.e2e.scene.Lab;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** The fault catalogue, a claim each, and how fast devices come in. */
final class LinkBench {
  // Most of a fault is waiting, and a kill loop starts one process after the other.
  private static final int PARALLEL =
      Math.max(2, Runtime.getRuntime().availableProcessors() * 3 / 2);

  private static final String CONNECTS = "mtls-connects";

  // Ten thousand devices that wait two minutes at most before they come back.
  private static final double CONNECTS_PER_SECOND = 84;

  private LinkBench() {}

  static List<Claim> measure(Predicate<String> wanted, boolean quick, Consumer<Claim> told)
      throws Exception {
    List<Fault> faults =
        Catalogue.all().stream().filter(fault -> wanted.test(fault.name())).toList();
    // Short: sockets lie in it, and a socket's path may have 107 bytes.
    Path folder = Files.createTempDirectory("skf");
    Fault.Depth depth = quick ? Fault.Depth.SAMPLE : Fault.Depth.ALL;
    boolean held = false;
    try (Lab lab = Lab.rehearsed(folder);
        FaultRunner runner = new FaultRunner(lab, depth, PARALLEL)) {
      Map<Fault, CompletableFuture<Outcome>> outcomes =
          runner.start(faults, ended -> told.accept(claim(ended.fault(), ended.outcome())));
      List<Claim> claims = new ArrayList<>();
      for (Map.Entry<Fault, CompletableFuture<Outcome>> fault : outcomes.entrySet()) {
        claims.add(claim(fault.getKey(), fault.getValue().get()));
      }
      if (wanted.test(CONNECTS)) {
        Claim connects = connects(lab);
        told.accept(connects);
        claims.add(connects);
      }
      held = claims.stream().allMatch(Claim::held);
      return claims;
    } finally {
      if (held) {
        delete(folder);
      } else {
        System.err.println("skerry bench: logs of what did not hold are kept in " + folder);
      }
    }
  }

  private static Claim connects(Lab lab) throws Exception {
    double perSecond = Knocks.perSecond(lab);
    return new Claim(
        CONNECTS,
        ">= %.0f".formatted(CONNECTS_PER_SECOND),
        Math.round(perSecond * 10) / 10.0,
        "connects/s",
        perSecond >= CONNECTS_PER_SECOND,
        "%.0f devices a second let in, with whole TLS handshakes".formatted(perSecond));
  }

  private static Claim claim(Fault fault, Outcome outcome) {
    return new Claim(
        fault.name(),
        "= 0",
        outcome.broken().size(),
        "broken promises",
        outcome.held(),
        outcome.detail());
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
