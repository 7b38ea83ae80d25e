package io.skerry.control.overview;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.skerry.api.Rollout;
import io.skerry.control.access.Role;
import io.skerry.control.page.StaticTemplates;
import io.skerry.control.page.Templates;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page of a rollout in a real browser, where there is one. */
class RolloutFormTest {
  private static final String HTMX = "/META-INF/resources/webjars/htmx.org/2.0.10/dist/htmx.min.js";

  // What a reader does, and what they find after the page has refreshed itself twice.
  private static final String READER =
      """
      const form = document.querySelector('form.acts');
      const find = (selector) => form.querySelector(selector);
      const told = {};
      const refreshed = () => new Promise((resolve) => {
        let times = 0;
        document.body.addEventListener('htmx:afterRequest', function count() {
          times += 1;
          if (times < 2) return;
          document.body.removeEventListener('htmx:afterRequest', count);
          resolve();
        });
      });
      find('[name=reason]').value = 'half a rea';
      const button = find('[value=abort]');
      button.focus();
      await refreshed();
      told.reason = find('[name=reason]').value;
      told.kept = find('[value=abort]') === button && document.activeElement === button;
      const shown = document.getElementById('rollout-state').textContent;
      told.revision = find('[name=revision]').value === /revision ([0-9]+)/.exec(shown)[1];
      button.blur();
      await refreshed();
      told.fresh = find('[value=abort]') !== button && find('[name=reason]').value === 'half a rea';
      document.title = Object.entries(told).map(([k, v]) => `${k}=${v}`).join(',');
      """;

  private static final List<RolloutButton> BUTTONS =
      RolloutButton.of(rollout(1), Role.OPERATOR, Map.of());

  private final Templates templates = new StaticTemplates();
  private final AtomicLong revision = new AtomicLong(1);

  @Test
  void leavesAFormAloneThatSomebodyUses(@TempDir Path folder) throws Exception {
    Path browser = Browser.installed();
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::answer);
    server.start();
    try {
      String shown = shown(browser, folder, server.getAddress().getPort());

      assertThat(shown).isEqualTo("reason=half a rea,kept=true,revision=true,fresh=true");
    } finally {
      server.stop(0);
    }
  }

  @Test
  void keepsTheReasonOfWhatWasRefused() {
    assertThat(
            templates
                .rolloutpage(
                    rollout(2), List.of(), BUTTONS, "ana", "it has changed", "\"late\" <b>")
                .render())
        .contains("value=\"&#34;late&#34; &lt;b>\"", "it has changed");
  }

  @Test
  void showsWhatIsRefusedInItsPlaceWithTheReason() {
    List<RolloutButton> buttons =
        RolloutButton.of(rollout(1), Role.OPERATOR, Map.of("resume", "accuracy still fails"));

    assertThat(buttons)
        .extracting(RolloutButton::act)
        .containsExactly("pause", "resume", "promote", "abort", "rollback");
    assertThat(templates.rolloutacts(rollout(1), buttons, false).render())
        .contains("id=\"refused-resume\">✕ resume: accuracy still fails.");
  }

  // Virtual time: what a page does every two seconds takes no time.
  private static String shown(Path browser, Path folder, int port) throws Exception {
    Path dump = folder.resolve("page.html");
    Process process =
        new ProcessBuilder(
                browser.toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--user-data-dir=" + folder.resolve("profile"),
                "--virtual-time-budget=30000",
                "--dump-dom",
                "http://127.0.0.1:%d/rollouts/r-1".formatted(port))
            .redirectOutput(dump.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("the browser ended").isTrue();
    } finally {
      process.destroyForcibly();
    }
    Matcher title = Pattern.compile("<title>([^<]*)</title>").matcher(Files.readString(dump));
    assertThat(title.find()).as("a page was shown").isTrue();
    return title.group(1);
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    byte[] body =
        switch (path) {
          case "/rollouts/r-1" -> page();
          case "/rollouts/r-1/state" -> state();
          case "/reader.js" -> READER.getBytes(StandardCharsets.UTF_8);
          case "/console/htmx.js" -> resource(HTMX);
          default -> path.startsWith("/console/") ? resource(path) : new byte[0];
        };
    String type = path.endsWith(".js") ? "text/javascript" : "text/html; charset=utf-8";
    exchange.getResponseHeaders().add("Content-Type", path.endsWith(".css") ? "text/css" : type);
    exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  private byte[] page() {
    return templates
        .rolloutpage(rollout(revision.get()), List.of(), BUTTONS, "ana", "", "")
        .render()
        .replace("</body>", "<script src=\"/reader.js\" type=\"module\"></script></body>")
        .getBytes(StandardCharsets.UTF_8);
  }

  // As RolloutPageController answers.
  private byte[] state() {
    Rollout now = rollout(revision.incrementAndGet());
    return (templates.rolloutstate(now, List.of()).render()
            + templates.rolloutacts(now, BUTTONS, true).render())
        .getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = RolloutFormTest.class.getResourceAsStream(name)) {
      return in == null ? new byte[0] : in.readAllBytes();
    }
  }

  private static Rollout rollout(long revision) {
    return new Rollout(
        "r-1",
        "RUNNING",
        "REPLACE",
        "engine-health",
        7,
        "main",
        List.of(new Rollout.Part("main", "engine-health", 7)),
        List.of(),
        40,
        0,
        4,
        null,
        null,
        List.of("pause", "promote", "abort", "rollback"),
        "ana",
        revision,
        Instant.EPOCH,
        null);
  }
}
