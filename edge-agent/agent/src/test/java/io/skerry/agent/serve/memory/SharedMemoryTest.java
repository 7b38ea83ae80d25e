package io.skerry.agent.serve.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SharedMemoryTest {
  @TempDir private Path folder;

  @SuppressWarnings("NullAway.Init") // JUnit calls open() first.
  private SharedMemory memory;

  @BeforeEach
  void open() throws IOException {
    memory = memory(Set.of(me()));
    Files.write(folder.resolve("app_a"), new byte[] {0, 1, 2, 3, 4, 5, 6, 7});
  }

  @AfterEach
  void close() {
    memory.close();
  }

  @Test
  void copiesOutOfAndIntoTheFile() throws Exception {
    memory.register("r", "/app_a", 2, 4);

    ByteBuffer read = ByteBuffer.allocateDirect(2);
    memory.region("r").read(1, read);
    memory.region("r").write(2, ByteBuffer.wrap(new byte[] {9}));

    assertThat(new byte[] {read.get(0), read.get(1)}).containsExactly(3, 4);
    assertThat(Files.readAllBytes(folder.resolve("app_a"))).containsExactly(0, 1, 2, 3, 9, 5, 6, 7);
    assertThat(memory.regions()).hasSize(1);
  }

  @Test
  void staysInsideTheRegion() throws Exception {
    memory.register("r", "app_a", 2, 4);
    SharedRegion region = memory.region("r");

    for (long[] part :
        new long[][] {{-1, 1}, {5, 0}, {0, 5}, {4, 1}, {1, Long.MAX_VALUE}, {0, -1}}) {
      refuses(
          Code.INVALID_ARGUMENT, "Invalid offset", () -> region.requireInside(part[0], part[1]));
    }
    region.requireInside(4, 0);
    refuses(Code.INVALID_ARGUMENT, "Invalid offset", () -> region.read(3, ByteBuffer.allocate(2)));
    refuses(Code.INVALID_ARGUMENT, "Invalid offset", () -> region.write(3, ByteBuffer.allocate(2)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "other",
        "app",
        "",
        "/",
        "//app_a",
        "/app_/../../etc/passwd",
        "app_\u0000",
        "app_a/b",
        "../app_a",
      })
  void takesOnlyPlainNamesWithItsPrefix(String key) {
    refuses(Code.INVALID_ARGUMENT, "shared memory key", () -> memory.register("r", key, 0, 1));
  }

  @Test
  void takesNoFileThatHasASecondName() throws Exception {
    Files.createLink(folder.resolve("app_b"), folder.resolve("app_a"));

    refuses(
        Code.INVALID_ARGUMENT,
        "shared memory 'app_b' has 2 names, and may have one",
        () -> memory.register("r", "app_b", 0, 1));
    Files.delete(folder.resolve("app_b"));
    memory.register("r", "app_a", 0, 1);
  }

  @Test
  void takesOnlyRegularFilesOfAcceptedUsers() throws Exception {
    Files.createSymbolicLink(folder.resolve("app_link"), folder.resolve("app_a"));
    Files.createDirectory(folder.resolve("app_folder"));

    refuses(Code.INVALID_ARGUMENT, "no regular file", () -> memory.register("r", "app_link", 0, 1));
    refuses(
        Code.INVALID_ARGUMENT, "no regular file", () -> memory.register("r", "app_folder", 0, 1));
    refuses(
        Code.INVALID_ARGUMENT,
        "Unable to open shared memory region: 'app_none'",
        () -> memory.register("r", "app_none", 0, 1));
    try (SharedMemory strict = memory(Set.of(me() + 1))) {
      refuses(Code.INVALID_ARGUMENT, "belongs to user", () -> strict.register("r", "app_a", 0, 1));
    }
  }

  @Test
  void boundsNamesSizesAndNumbers() throws Exception {
    memory.register("r", "app_a", 0, 8);

    refuses(Code.ALREADY_EXISTS, "already in manager", () -> memory.register("r", "app_a", 0, 8));
    refuses(Code.INVALID_ARGUMENT, "not inside", () -> memory.register("s", "app_a", 0, 9));
    refuses(Code.INVALID_ARGUMENT, "not inside", () -> memory.register("s", "app_a", 8, 1));
    refuses(Code.INVALID_ARGUMENT, "not inside", () -> memory.register("s", "app_a", 9, 1));
    refuses(Code.INVALID_ARGUMENT, "does not fit", () -> memory.register("s", "app_a", -1, 1));
    refuses(Code.INVALID_ARGUMENT, "does not fit", () -> memory.register("s", "app_a", 0, 0));
    refuses(Code.INVALID_ARGUMENT, "needs a name", () -> memory.register("", "app_a", 0, 1));
    refuses(
        Code.INVALID_ARGUMENT,
        "needs a name",
        () -> memory.register("n".repeat(257), "app_a", 0, 1));
    refuses(Code.RESOURCE_EXHAUSTED, "does not fit", () -> memory.register("s", "app_a", 0, 13));
    memory.register("s", "app_a", 0, 1);
    refuses(Code.RESOURCE_EXHAUSTED, "no more may be", () -> memory.register("t", "app_a", 0, 1));
    refuses(Code.NOT_FOUND, "Unable to find shared memory region", () -> memory.region("t"));
  }

  @Test
  void whatAClientThatDiedHasLeftIsGivenUpWhenItsNameOrItsRoomIsWanted() throws Exception {
    memory.register("r", "app_a", 0, 8);
    Files.move(folder.resolve("app_a"), folder.resolve("elsewhere"));
    Files.write(folder.resolve("app_a"), new byte[8]);
    memory.register("r", "app_a", 0, 4);
    memory.register("s", "app_a", 0, 4);
    ByteBuffer read = ByteBuffer.allocate(1);
    memory.region("r").read(3, read);
    assertThat(read.get(0)).isZero();

    Files.delete(folder.resolve("app_a"));
    Files.write(folder.resolve("app_b"), new byte[12]);
    memory.register("t", "app_b", 0, 12);

    assertThat(memory.regions()).extracting(SharedRegion::name).containsExactly("t");
  }

  @Test
  void aFileThatShrinksOrARegionThatGoesFailsTheCopyAndNothingElse() throws Exception {
    memory.register("r", "app_a", 0, 8);
    memory.register("s", "app_a", 0, 4);
    SharedRegion shrunk = memory.region("r");
    SharedRegion unregistered = memory.region("s");
    try (FileChannel file = FileChannel.open(folder.resolve("app_a"), StandardOpenOption.WRITE)) {
      file.truncate(0);
    }

    refuses(Code.INVALID_ARGUMENT, "has gone", () -> shrunk.read(0, ByteBuffer.allocateDirect(8)));
    refuses(Code.INVALID_ARGUMENT, "has gone", () -> shrunk.write(0, ByteBuffer.allocate(8)));
    Files.write(folder.resolve("app_a"), new byte[8]);
    memory.unregister("s");
    refuses(Code.INVALID_ARGUMENT, "has gone", () -> unregistered.read(0, ByteBuffer.allocate(1)));
    memory.unregister("s");
    memory.unregisterAll();
    assertThat(memory.regions()).isEmpty();
  }

  @Test
  void isOffWithoutConfiguration() {
    try (SharedMemory off = new SharedMemory(Optional.empty())) {
      assertThat(off.isOn()).isFalse();
      refuses(Code.UNIMPLEMENTED, "is off", () -> off.register("r", "app_a", 0, 1));
      off.unregisterAll();
    }
  }

  @Test
  void needsAPrefixThatIsAName() {
    for (String prefix : new String[] {"", ".", "-x", "a/b", "a b", "a".repeat(64)}) {
      assertThatThrownBy(() -> SharedMemoryConfig.of(prefix, Set.of()))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void whateverIsRegisteredIsInsideAFileOrRefused() throws Exception {
    Random random = new Random(20261129);
    long[] numbers = {
      0, 1, 4, 7, 8, 9, -1, 1 << 20, Integer.MAX_VALUE, Long.MAX_VALUE, Long.MIN_VALUE, 4096
    };
    String[] keys = {
      "/app_a",
      "app_a",
      "app_none",
      "/app_../x",
      "app_",
      "",
      "/",
      "app_a\n",
      "\ud800",
      "app_a/",
      "x".repeat(5_000)
    };
    int registered = 0;
    for (int i = 0; i < 20_000; i++) {
      String name = random.nextInt(8) == 0 ? "" : "r" + random.nextInt(6);
      try {
        if (random.nextInt(4) == 0) {
          memory.unregister(name);
        } else {
          memory.register(
              name,
              keys[random.nextInt(keys.length)],
              numbers[random.nextInt(numbers.length)],
              numbers[random.nextInt(numbers.length)]);
          registered++;
        }
      } catch (PredictException e) {
        assertThat(e.code()).isNotEqualTo(Code.INTERNAL);
        assertThat(String.valueOf(e.getMessage()).length()).isLessThan(500);
      }
      long bytes = 0;
      for (SharedRegion region : memory.regions()) {
        bytes += region.bytes();
        assertThat(region.bytes()).isBetween(1L, 8L);
      }
      assertThat(memory.regions()).hasSizeLessThanOrEqualTo(2);
      assertThat(bytes).isLessThanOrEqualTo(20);
    }
    assertThat(registered).isPositive();
  }

  private SharedMemory memory(Set<Integer> owners) {
    return new SharedMemory(Optional.of(new SharedMemoryConfig(folder, "app_", owners, 2, 20)));
  }

  private int me() throws IOException {
    return (Integer) Files.getAttribute(folder, "unix:uid");
  }

  private static void refuses(Code code, String text, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(PredictException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(text);
  }
}
