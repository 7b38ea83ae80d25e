package io.skerry.agent.trust;

import static io.skerry.agent.trust.TrustFixture.NOW;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.disk.Disk;
import io.skerry.artifact.trust.TrustException;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrustStoreTest {
  @TempDir Path folder;
  private final TrustFixture keys = new TrustFixture();

  private TrustStore open() throws IOException {
    return open(folder, keys);
  }

  private static TrustStore open(Path folder, TrustFixture keys) throws IOException {
    return TrustStore.open(
        Disk.local(), folder, keys.fingerprint(), List.of(TrustFixture.json(keys.root(1))));
  }

  @Test
  void keepsWhatItAcceptedAcrossRestarts() throws IOException {
    TrustStore store = open();
    store.acceptRoot(keys.root(2));
    store.acceptSnapshot(keys.snapshot(7, 2), NOW);

    TrustStore again = open();

    assertThat(again.get().root().version()).isEqualTo(2);
    assertThat(again.get().snapshot().orElseThrow().version()).isEqualTo(7);
    assertThatThrownBy(() -> again.acceptSnapshot(keys.snapshot(6, 2), NOW))
        .isInstanceOf(TrustException.class);
  }

  @Test
  void fallsBackOneStepWhenItsFileIsDamaged() throws IOException {
    TrustStore store = open();
    store.acceptRoot(keys.root(2));
    store.acceptSnapshot(keys.snapshot(7, 2), NOW);
    damage(false);

    TrustStore again = open();

    assertThat(again.get().root().version()).isEqualTo(2);
    assertThat(again.acceptSnapshot(keys.snapshot(8, 2), NOW)).isEqualTo(NOW);
    assertThat(open().get().snapshot().orElseThrow().version()).isEqualTo(8);
  }

  @Test
  void fallsBackToItsEnrolmentWhenEverythingIsDamaged() throws IOException {
    TrustStore store = open();
    store.acceptRoot(keys.root(2));
    store.acceptSnapshot(keys.snapshot(7, 2), NOW);
    damage(true);

    TrustStore again = open();

    assertThat(again.get().root().version()).isEqualTo(1);
    again.acceptRoot(keys.root(2));
    assertThat(open().get().root().version()).isEqualTo(2);
  }

  private void damage(boolean all) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        if (all || !file.toString().endsWith(".before")) {
          byte[] bytes = Files.readAllBytes(file);
          bytes[bytes.length / 2] ^= 1;
          Files.write(file, bytes);
        }
      }
    }
  }

  @Test
  void followsTheRootsOfItsEnrolment() throws IOException {
    TrustStore store =
        TrustStore.open(
            Disk.local(),
            folder,
            keys.fingerprint(),
            Stream.of(keys.root(1), keys.root(2), keys.root(3)).map(TrustFixture::json).toList());

    assertThat(store.get().root().version()).isEqualTo(3);
  }

  @Test
  void believesNoOtherRootThanTheTokens() {
    TrustFixture other = new TrustFixture();

    assertThatThrownBy(
            () ->
                TrustStore.open(
                    Disk.local(),
                    folder,
                    keys.fingerprint(),
                    List.of(TrustFixture.json(other.root(1)))))
        .isInstanceOfSatisfying(
            TrustException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.ROOT_INVALID));
  }

  @Test
  void forgetsAnotherControlPlaneAfterItEnrolledAnew() throws IOException {
    open().acceptRoot(keys.root(2));

    assertThat(open(folder, new TrustFixture()).get().root().version()).isEqualTo(1);
  }

  @Test
  void doesNotBelieveWhatItCannotKeep() throws IOException {
    TrustStore store = open(Files.createFile(folder.resolve("no-folder")), keys);

    assertThatThrownBy(() -> store.acceptSnapshot(keys.snapshot(5, 1), NOW))
        .isInstanceOf(IOException.class);
    assertThat(store.get().snapshot()).isEmpty();
  }
}
