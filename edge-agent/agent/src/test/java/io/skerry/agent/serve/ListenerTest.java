package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ListenerTest {
  @Test
  void readsWhoMayOpenItAndWhoThatIs() {
    Listener listener = Listener.parse("unix:/run/cam.sock,app=cam-1,group=video,mode=0666");

    assertThat(listener.address()).isEqualTo(new ListenAddress.Unix(Path.of("/run/cam.sock")));
    assertThat(listener.application()).isEqualTo("cam-1");
    assertThat(listener.group()).contains("video");
    assertThat(PosixFilePermissions.toString(listener.mode())).isEqualTo("rw-rw-rw-");
    assertThat(listener).hasToString("unix:/run/cam.sock (cam-1)");
  }

  @Test
  void isForItsGroupUnlessToldOtherwise() {
    Listener listener = Listener.parse("unix:a");

    assertThat(listener.application()).isEmpty();
    assertThat(listener.group()).isEmpty();
    assertThat(PosixFilePermissions.toString(listener.mode())).isEqualTo("rw-rw----");
  }

  @ParameterizedTest
  @CsvSource({"600, rw-------", "0660, rw-rw----", "0662, rw-rw--w-", "620, rw--w----"})
  void readsAMode(String text, String rights) {
    assertThat(PosixFilePermissions.toString(Listener.parse("unix:a,mode=" + text).mode()))
        .isEqualTo(rights);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "unix:a,",
        "unix:a,app",
        "unix:a,app=",
        "unix:a,name=x",
        "unix:a,app=x,app=y",
        "unix:a,app=x/y",
        "unix:a,app=x.y",
        "unix:a,app=-x",
        "unix:a,mode=7",
        "unix:a,mode=0770",
        "unix:a,mode=0066",
        "unix:a,mode=1660",
        "unix:a,mode=rw",
        "tcp:127.0.0.1:0,mode=0660",
        "tcp:127.0.0.1:0,group=video",
        "tcp:127.0.0.1:0,app=cam",
        "unix:a,cert=c,key=k,clients=x",
        "tcp:127.0.0.1:0,cert=c,key=k",
        "tcp:127.0.0.1:0,clients=x",
      })
  void refusesTheRest(String text) {
    assertThatThrownBy(() -> Listener.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void saysWhatIsKnown() {
    assertThatThrownBy(() -> Listener.parse("unix:a,aap=x"))
        .hasMessage(
            "'aap' of 'unix:a,aap=x' is not known: a Unix socket may be followed by app=, group=, mode=");
  }

  @Test
  void readsHowAPortAndItsClientsKnowEachOther() {
    Listener listener = Listener.parse("tcp:0.0.0.0:8001,cert=/c,key=/k,clients=/x");

    assertThat(listener.tls()).contains(new TlsFiles(Path.of("/c"), Path.of("/k"), Path.of("/x")));
    assertThat(listener).hasToString("tcp:0.0.0.0:8001 (certificates)");
  }

  @Test
  void oneAddressCannotBeGivenTwice() {
    List<Listener> twice =
        List.of(Listener.parse("unix:/run/x/../a.sock,app=a"), Listener.parse("unix:/run/a.sock"));

    assertThatThrownBy(() -> ServeConfig.at(twice)).hasMessage("unix:/run/a.sock is given twice");
    assertThatThrownBy(() -> ServeConfig.at(List.of())).hasMessageContaining("needs an address");
  }
}
