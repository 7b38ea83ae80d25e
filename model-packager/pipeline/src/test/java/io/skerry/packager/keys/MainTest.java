package io.skerry.packager.keys;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.keys.KeyFolder;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Trust;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ProfileId;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MainTest {
  @TempDir Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), arguments);
  }

  private Path keys() {
    return folder.resolve("keys");
  }

  private Trust trust() throws IOException {
    return KeyFolder.at(keys()).trust();
  }

  private void create(String... more) {
    String[] arguments = new String[4 + more.length];
    arguments[0] = "create";
    arguments[1] = "keys";
    arguments[2] = "--out";
    arguments[3] = keys().toString();
    System.arraycopy(more, 0, arguments, 4, more.length);
    assertThat(run(arguments)).as(err.toString()).isEqualTo(0);
  }

  private int rotate(String... more) {
    String[] arguments = new String[4 + more.length];
    arguments[0] = "rotate";
    arguments[1] = "keys";
    arguments[2] = "--dir";
    arguments[3] = keys().toString();
    System.arraycopy(more, 0, arguments, 4, more.length);
    return run(arguments);
  }

  @Test
  void makesKeysThatOnlyTheirOwnerCanRead() throws IOException {
    create("--root-keys", "3", "--threshold", "2");

    for (String name :
        new String[] {
          "offline/root.pem",
          "offline/root.2.pem",
          "offline/root.3.pem",
          "offline/release.pem",
          "online/director.pem",
          "online/snapshot.pem",
          "online/automation.pem"
        }) {
      Path file = keys().resolve(name);
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
          .isEqualTo("rw-------");
    }
    RootDocument root = trust().root();
    assertThat(root.root().keys()).hasSize(3);
    assertThat(root.root().threshold()).isEqualTo(2);
    assertThat(out.toString()).contains(RootDocument.fingerprint(trust().rootEnvelope()));
  }

  @Test
  void writesOverNoKey() {
    create();

    assertThat(run("create", "keys", "--out", keys().toString())).isEqualTo(1);
    assertThat(err.toString()).contains("never written over");
  }

  @Test
  void rotatesEveryRole() throws IOException {
    create("--root-keys", "2", "--threshold", "2");
    RootDocument before = trust().root();

    int code =
        rotate(
            "--new-root",
            "--new-release",
            "--new-director",
            "--new-snapshot",
            "--new-automation",
            "--floor",
            "engine-health=7");

    assertThat(code).as(err.toString()).isEqualTo(0);
    RootDocument after = trust().root();
    assertThat(after.version()).isEqualTo(2);
    assertThat(after.root().isSameAs(before.root())).isFalse();
    assertThat(after.root().threshold()).isEqualTo(2);
    assertThat(after.release().isSameAs(before.release())).isFalse();
    assertThat(after.floors()).isEqualTo(Map.of(new ModelName("engine-health"), 7L));
    KeyFolder files = KeyFolder.at(keys());
    assertThat(after.director().keys())
        .containsExactly(SigningKey.read(files.onlineKey("director")).verificationKey());
    assertThat(after.snapshot().keys())
        .containsExactly(SigningKey.read(files.onlineKey("snapshot")).verificationKey());
    assertThat(after.delegations().getFirst().key())
        .isEqualTo(SigningKey.read(files.onlineKey("automation")).verificationKey());
    assertThat(rotate()).as("the new root keys sign the next").isEqualTo(0);
    assertThat(trust().root().version()).isEqualTo(3);
  }

  @Test
  void delegatesOnlyWhatIsNamed() throws IOException {
    create("--delegate", "none");
    assertThat(trust().root().delegations()).isEmpty();

    assertThat(rotate("--delegate", "engine-health:rpi5-int8+x86-64-avx2")).isEqualTo(0);

    assertThat(trust().root().delegations())
        .singleElement()
        .satisfies(
            delegation -> {
              assertThat(
                      delegation.covers(new ModelName("engine-health"), new ProfileId("rpi5-int8")))
                  .isTrue();
              assertThat(delegation.covers(new ModelName("other"), new ProfileId("rpi5-int8")))
                  .isFalse();
            });
    assertThat(rotate("--delegate", "engine-health")).isEqualTo(1);
    assertThat(err.toString()).contains("MODEL:PROFILE");
  }

  @Test
  void saysWhichKeysAreMissing() throws IOException {
    create("--root-keys", "2", "--threshold", "2");
    Files.delete(keys().resolve("offline/root.2.pem"));

    assertThat(rotate()).isEqualTo(1);

    assertThat(err.toString()).contains("2 of its root keys").contains("holds 1");
    assertThat(trust().root().version()).isEqualTo(1);
  }
}
