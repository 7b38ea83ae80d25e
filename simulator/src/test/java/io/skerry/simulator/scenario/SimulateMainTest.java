package io.skerry.simulator.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.world.Fault;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SimulateMainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  @TempDir private Path folder;

  private int run(String... arguments) {
    return SimulateMain.run(new PrintWriter(out, true), new PrintWriter(err, true), arguments);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--scenario nonsense | unknown scenario 'nonsense'",
        "--devices 1 | --devices must be 3 to",
        "--days 0 | --days must be 1 to",
        "--seeds 0 | --seeds must be 1 or more",
        "--list --seed 3 | --list goes with no other option",
        "--list --trace x | --list goes with no other option",
        "--replay x --trace y | leave out --trace",
        "--seed 9223372036854775807 --seeds 2 | the last is beyond",
        "--scenario offline-third --days 3 | is a story of at least 30 devices and 20 days",
        "--scenario cloned-identity --devices 3 | is a story of at least 30 devices and 4 days",
        "--replay x --seed 3 | --replay takes seed, scenario, devices and days from its file",
        "--scenario all --days 3 | leave out --devices and --days",
        "--replay /nowhere/x | cannot be read",
        "--json /nowhere/x | cannot be written",
        "--scenario all --trace x | leave out --trace",
        "--json x --trace ./x | --json and --trace name the same file",
        "--replay x --json x | --json and --replay name the same file"
      })
  void tellsInOneLineWhatIsWrong(String arguments, String told) {
    assertThat(run(arguments.strip().split(" "))).isEqualTo(2);
    assertThat(err.toString().strip()).contains(told).hasLineCount(1);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void refusesATraceOfAnotherVersion() throws IOException {
    Path trace = Files.writeString(folder.resolve("t"), "skerry-trace 99\n");

    assertThat(run("--replay", trace.toString())).isEqualTo(2);
    assertThat(err.toString().strip()).contains("has version 99").hasLineCount(1);
  }

  @Test
  void refusesADamagedTrace() throws IOException {
    Path trace =
        Files.writeString(
            folder.resolve("t"),
            "skerry-trace 3\nscenario random\nseed 1\ndevices 3\ndays 1\nhash x\n12 comet 1 2 3\n");

    assertThat(run("--replay", trace.toString())).isEqualTo(2);
    assertThat(err.toString().strip()).contains("is damaged: 'comet' is no kind of fault");
    assertThat(err.toString().strip()).hasLineCount(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "devices 3\ndays 1\nhash x\n12 bit-flip 3 2 3\n",
        "devices 3\ndays 1\nhash x\n12 bit-flip -1 2 3\n",
        "devices 3\ndays 1\nhash x\n12 partition 0 2 3\n",
        "devices 3\ndays 1\nhash x\n-12 bit-flip 0 2 3\n",
        "devices 0\ndays 1\nhash x\n",
        "devices 3\ndays 0\nhash x\n",
        "devices 3\ndays 40000\nhash x\n"
      })
  void refusesATraceOfWhatThereCannotBe(String rest) throws IOException {
    Path trace =
        Files.writeString(folder.resolve("t"), "skerry-trace 3\nscenario random\nseed 1\n" + rest);

    assertThat(run("--replay", trace.toString())).isEqualTo(2);
    assertThat(err.toString().strip()).contains("is damaged").hasLineCount(1);
  }

  @Test
  void aTraceOfAnotherProgramDoesNotHold() throws IOException {
    TraceFile trace = new TraceFile("random", 9, 4, 2, "0123456789abcdef", List.of());
    Path file = Files.writeString(folder.resolve("t"), trace.text());

    assertThat(run("--replay", file.toString())).isEqualTo(SimulateMain.NOT_HELD);
    assertThat(out.toString()).contains("the program has changed since");
  }

  @Test
  void refusesATraceThatIsTooSmallForItsScenario() throws IOException {
    TraceFile trace = new TraceFile("cloned-identity", 9, 4, 2, "-", List.of());
    Path file = Files.writeString(folder.resolve("t"), trace.text());

    assertThat(run("--replay", file.toString())).isEqualTo(2);
    assertThat(err.toString().strip()).contains("at least 30 devices").hasLineCount(1);
  }

  /** Whoever adds a fault raises the version: an older program could not tell what it means. */
  @Test
  void hasAVersionForItsKindsOfFaults() {
    String kinds =
        Arrays.stream(Fault.Kind.values()).map(Fault.Kind::word).collect(Collectors.joining(" "));

    assertThat(TraceFile.VERSION + ": " + kinds)
        .isEqualTo(
            "3: link-down link-lossy agent-killed power-cut disk-full disk-read-only "
                + "short-writes bit-flip clock-jump artifacts-broken slow-hardware device-gone "
                + "broker-killed broker-slow plane-killed partition operator cloned replica "
                + "database-fails orders-late bad-model stopped-at-work hardware-crawls "
                + "disk-unreadable plane-cut-off order-forged director-stolen device-joins "
                + "device-removed rollout-written board-exchanged topics-overtake "
                + "plane-killed-at-work stopped-at-message");
  }

  @Test
  void replaysATraceThatIsKeptWhateverHappens() throws IOException {
    TraceFile trace = new TraceFile("random", 9, 4, 2, "-", List.of());
    Path file = Files.writeString(folder.resolve("t"), trace.text());

    assertThat(run("--replay", file.toString())).isZero();
    assertThat(out.toString()).contains("the trace keeps none");
  }

  @Test
  void runsTheLastSeedThereIs() {
    assertThat(run("--seed", "9223372036854775807", "--devices", "3", "--days", "1")).isZero();

    assertThat(out.toString()).contains("seed 9223372036854775807").contains("invariant-breaks");
  }

  @Test
  void listsEveryScenarioWithItsClaim() {
    assertThat(run("--list")).isZero();

    assertThat(out.toString()).hasLineCount(Library.all().size());
    Library.all()
        .forEach(one -> assertThat(out.toString()).contains(one.name()).contains(one.claim()));
  }

  @Test
  void doesTheSameAgainAndWritesItsClaims() throws IOException {
    Path json = folder.resolve("claims.json");

    assertThat(run("--seed", "5", "--devices", "4", "--days", "2", "--json", json.toString()))
        .isZero();
    String first = out.toString();
    out.getBuffer().setLength(0);
    assertThat(run("--seed", "5", "--devices", "4", "--days", "2")).isZero();

    assertThat(out.toString()).isEqualTo(first).contains("hash");
    assertThat(Files.readString(json))
        .contains("random/invariant-breaks")
        .contains("\"held\": true");
  }

  @Test
  void replaysATraceExactly() throws IOException {
    Scenario random = new Random();
    Run made = random.run(9, 4, 2);
    String hash = made.run(0).outcome().hash();
    TraceFile trace = new TraceFile("random", 9, 4, 2, hash, made.plan().faults());
    Path file = Files.writeString(folder.resolve("t"), trace.text());

    assertThat(run("--replay", file.toString())).isZero();
    assertThat(out.toString()).contains(hash + ", as in the trace");
  }
}
