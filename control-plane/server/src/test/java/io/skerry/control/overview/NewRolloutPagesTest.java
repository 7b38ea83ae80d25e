package io.skerry.control.overview;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import io.skerry.control.TestControlPlane;
import io.skerry.control.sql.Database;
import io.skerry.protocol.Digest;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class NewRolloutPagesTest {
  private static final String NEW = "/rollouts/new";
  private static final Pattern TEXT =
      Pattern.compile("<textarea[^>]*>\\n?(.*?)</textarea>", Pattern.DOTALL);
  private static final Pattern SEEN = Pattern.compile("name=\"seen\" value=\"([0-9a-f]*)\"");

  private static final AtomicInteger MODELS = new AtomicInteger();

  private final String model = "written-" + MODELS.incrementAndGet();
  private final String bare = "model: %s\nversion: 1\n".formatted(model);
  private final String chosen = NEW + "?version=" + model + "@1&percents=50,100&approval=yes";
  private final TestControlPlane plane = TestControlPlane.shared();

  @BeforeEach
  void packageAVersionThatThreeOfFourDevicesCanRun() {
    for (String device : new String[] {"w-1", "w-2", "w-3", "w-4"}) {
      sql(
          """
          insert into device (id, tenant, labels, facts, profile, enrolled_at)
          values (?, 'default', '{"site": "pier"}', '{}', nullif(?, ''), now())
          """,
          device,
          device.equals("w-4") ? "" : "x86-64-avx2");
    }
    sql(
        """
        insert into model_version (model, version, source, format, blob, created_at)
        values (?, 1, 'import', 'onnx', 'x', now())
        """,
        model);
    String digest = Digest.of(model.getBytes(StandardCharsets.UTF_8)).toString();
    sql(
        """
        insert into variant (model, version, profile, engine, precision, bytes, measured, winner,
          manifest, signature)
        values (?, 1, 'x86-64-avx2', 'onnxruntime', 'fp32', 1, 'none', true, ?, ?)
        """,
        model,
        digest,
        digest);
    sql(
        """
        insert into cohort (name, selector, created_by, created_at)
        values ('pier', '{"site": "pier"}', 'ana', now())
        """);
  }

  @AfterEach
  void forget() {
    plane
        .bean(Database.class)
        .call(
            transaction ->
                transaction.list(
                    "select id from rollout where model = ?", row -> row.text("id"), model))
        .forEach(id -> plane.post("/v1/rollouts/" + id + "/abort", "{}"));
    sql("delete from cohort where name = 'pier'");
    sql("delete from device where id like 'w-_'");
  }

  @Test
  void beginsWithATextOfWhatWasChosen() {
    String page =
        plane.get(NEW + "?version=" + model + "@1&first=cohort:pier&percents=50,100").body();

    assertThat(page).contains(model + "@1 for x86-64-avx2", "cohort pier (4 devices)");
    assertThat(text(page))
        .contains(bare, "approval: false", "- {cohort: pier, pause")
        .contains("- {percent: 50}\n  - {percent: 100}\n")
        .contains("- {metric: failed-predictions, tolerance: 0.01, limit: 0.01, promote: HARM_");
    assertThat(text(plane.get(chosen).body())).contains("approval: true").doesNotContain("pier");
  }

  @Test
  void previewsWhoGetsItWhoNotAndWhatEachGateCanSee() {
    String page = posted("admin", "preview", text(plane.get(chosen).body()), "").body();

    assertThat(page)
        .contains("3 devices in all", "Stage 1 · 50 %", "Stage 2 · 100 %")
        .contains("w-1", "w-2", "w-3", "1 device: its hardware matches no profile", ">w-4<")
        .contains("▲ too little", "failed-predictions", "Create the draft");
    assertThat(count("select count(*) from rollout where model = ?")).isZero();
  }

  @Test
  void previewsTheTextAsWhatLeavesEverythingOut() {
    String whole = plane.get(NEW + "?version=" + model + "@1&percents=10,40,100").body();

    String told = posted("admin", "preview", text(whole), "").body();
    String shortly = posted("admin", "preview", bare, "").body();

    assertThat(result(told)).isEqualTo(result(shortly)).contains("Preview");
  }

  @Test
  void tellsEveryMistakeWithItsFieldAndKeepsTheText() {
    HttpResponse<String> unknown =
        posted("admin", "preview", "model: written\nstagse: []\ndynamic: 3\n", "");
    HttpResponse<String> impossible =
        posted(
            "admin",
            "preview",
            """
            model: written
            version: 1
            holdback: -1
            windowMillis: 1
            stages: [{percent: 40}, {percent: 10}, {percent: 100}]
            """,
            "");
    HttpResponse<String> nobody =
        posted("admin", "preview", bare.replace("1\n", "9\n# <b>kept</b>\n"), "");

    assertThat(unknown.statusCode()).isEqualTo(400);
    assertThat(unknown.body())
        .contains(">stagse<", "did you mean stages?", ">dynamic<", ">version<", "stagse: []")
        .doesNotContain("Create the draft");
    assertThat(impossible.body()).contains(">holdback<", ">windowMillis<", ">stages[1].percent<");
    assertThat(nobody.body())
        .contains("@9 has no packaged variant", "# &lt;b&gt;kept&lt;/b&gt;")
        .contains("aria-invalid=\"true\"");
    assertThat(posted("admin", "preview", "# long".repeat(11_000), "").body())
        .contains("longer than 65536 characters")
        .doesNotContain("# long");
    assertThat(posted("admin", "preview", bare + "catchUp: 99999999999", "").statusCode())
        .isEqualTo(400);
  }

  @Test
  void makesADraftOfThePreviewedTextOnly() {
    String text = bare + "draft: false\n";

    HttpResponse<String> unseen = posted("admin", "create", text, "");
    assertThat(unseen.statusCode()).isEqualTo(200);
    assertThat(unseen.body()).contains("changed after the preview");
    assertThat(count("select count(*) from rollout where model = ?")).isZero();

    String seen = found(SEEN, posted("admin", "preview", text, "").body());
    assertThat(posted("admin", "create", text + "holdback: 1\n", seen).body())
        .contains("changed after the preview");
    HttpResponse<String> made = posted("admin", "create", text.replace("\n", "\r\n"), seen);

    assertThat(made.statusCode()).as(made.body()).isEqualTo(303);
    String page = plane.get(made.headers().firstValue("Location").orElseThrow()).body();
    assertThat(page)
        .contains("○ draft", "value=\"submit\"", "value=\"abort\"", "Nothing happens yet");
  }

  @Test
  void makesNoDraftThatTakesOtherDevicesThanItsPreview() {
    String seen = found(SEEN, posted("admin", "preview", bare, "").body());
    assertThat(posted("admin", "create", bare, seen).statusCode()).isEqualTo(303);

    HttpResponse<String> second = posted("admin", "create", bare, seen);
    assertThat(second.statusCode()).isEqualTo(200);
    assertThat(second.body()).contains("changed after the preview", "3 devices in all");

    sql(
        """
        insert into device (id, tenant, labels, facts, profile, enrolled_at)
        values ('w-5', 'default', '{}', '{}', 'x86-64-avx2', now())
        """);
    HttpResponse<String> third = posted("admin", "create", bare, found(SEEN, second.body()));
    assertThat(third.statusCode()).isEqualTo(200);
    assertThat(third.body()).contains("changed after the preview", "4 devices in all");
    assertThat(count("select count(*) from rollout where model = ?")).isEqualTo(1);

    assertThat(posted("admin", "create", bare, found(SEEN, third.body())).statusCode())
        .isEqualTo(303);
    assertThat(count("select count(*) from rollout where model = ?")).isEqualTo(2);
  }

  @Test
  void offersWhatThePersonMayAndTellsWhyNotTheRest() {
    String operator = user("operator");
    String approver = user("approver");
    String text = text(plane.get(chosen).body());
    String seen = found(SEEN, posted(approver, "preview", text, "").body());
    String page =
        posted(approver, "create", text, seen).headers().firstValue("Location").orElseThrow();
    long revision = count("select revision from rollout where model = ?");
    assertThat(
            sent(approver, page, Map.of("act", "submit", "revision", "" + revision)).statusCode())
        .isEqualTo(303);

    String own = read(approver, page).body();
    String others = read(operator, page).body();

    assertThat(button("approve", own)).contains("disabled");
    assertThat(own).contains("wrote this rollout: somebody else must approve it");
    assertThat(button("abort", own)).doesNotContain("disabled");
    assertThat(button("approve", others)).contains("disabled");
    assertThat(others).contains("your role does not allow it: an approver may");
    assertThat(button("approve", plane.get(page).body())).doesNotContain("disabled");
    assertThat(button("approve", plane.get(page + "/state").body())).doesNotContain("disabled");
  }

  @Test
  void letsViewersLookAtRolloutsAndMakeNone() {
    String viewer = user("viewer");
    String seen = found(SEEN, posted("admin", "preview", bare, "").body());
    String page =
        posted("admin", "create", bare, seen).headers().firstValue("Location").orElseThrow();

    assertThat(plane.get("/rollouts").body()).contains("href=\"/rollouts/new\"");
    assertThat(read(viewer, "/rollouts").body()).doesNotContain("/rollouts/new");
    assertThat(read(viewer, NEW).statusCode()).isEqualTo(403);
    assertThat(posted(viewer, "preview", bare, "").statusCode()).isEqualTo(403);
    assertThat(button("submit", read(viewer, page).body())).contains("disabled");
    assertThat(read(viewer, page).body()).doesNotContain("name=\"reason\"");
  }

  @Test
  void takesACookieFromItsOwnPagesOnlyAndRunsNoOtherScript() {
    HttpResponse<String> other = cookie("cross-site");
    HttpResponse<String> own = cookie("same-origin");

    assertThat(other.statusCode()).isEqualTo(401);
    assertThat(own.statusCode()).as(own.body()).isEqualTo(200);
    assertThat(own.headers().firstValue("Content-Security-Policy").orElse(""))
        .contains("script-src 'self'", "form-action 'self'");
    assertThat(plane.send(plane.request(NEW).header("Accept", "text/html")).body())
        .contains("class=\"login\"");
  }

  @Test
  void isWrittenPreviewedAndHandedInByTheKeyboardAlone(@TempDir Path folder) throws Exception {
    try (Browser browser = Browser.start(folder)) {
      browser.open(plane.url().resolve("/?token=" + plane.token()));
      browser.open(plane.url().resolve(chosen));

      browser.tabTo("#text");
      browser.type("holdback: 1 ");
      browser.tabTo("[value=preview]");
      browser.press("Enter");
      browser.until("document.getElementById('mistakes') !== null");
      assertThat(browser.read("location.hash")).isEqualTo("#result");
      assertThat(browser.read("document.getElementById('text').value")).startsWith("holdback: 1 m");
      browser.picture("new-rollout-mistakes");

      browser.open(plane.url().resolve(chosen));
      browser.tabTo("[value=preview]");
      browser.press("Enter");
      browser.until("document.querySelector('[value=create]') !== null");
      browser.picture("new-rollout");
      browser.width(400);
      assertThat(browser.read("document.documentElement.scrollWidth <= 400")).isEqualTo("true");
      browser.picture("new-rollout-narrow");

      browser.tabTo("[value=create]");
      browser.press("Enter");
      browser.until("/rollouts.rollout-/.test(location.pathname)");
      browser.until("document.readyState === 'complete'");
      browser.tabTo("#reason");
      browser.type("looked at it");
      browser.tabTo("[value=submit]");
      browser.press("Enter");
      browser.until("document.querySelector('[value=approve]') !== null");
      assertThat(browser.read("document.querySelector('[value=approve]').disabled"))
          .isEqualTo("true");
      assertThat(browser.read("document.getElementById('refused-approve').textContent"))
          .isEqualTo("✕ approve: admin wrote this rollout: somebody else must approve it.");
      assertThat(browser.read("document.documentElement.scrollWidth <= 400")).isEqualTo("true");
      browser.picture("rollout-waiting-narrow");
    }
  }

  private HttpResponse<String> cookie(String site) {
    return plane.send(
        plane
            .request(NEW)
            .header("Cookie", "skerry-token=" + plane.token())
            .header("Sec-Fetch-Site", site)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    "act=preview&text=model%3A+" + model + "%0Aversion%3A+1")));
  }

  private String user(String role) {
    HttpResponse<String> made =
        plane.post(
            "/v1/users",
            "{\"name\":\"%s-%d\",\"role\":\"%s\"}".formatted(role, System.nanoTime(), role));
    assertThat(made.statusCode()).as(made.body()).isEqualTo(201);
    return JsonParser.parseString(made.body()).getAsJsonObject().get("token").getAsString();
  }

  private HttpResponse<String> read(String token, String path) {
    return plane.send(plane.request(path).header("Authorization", "Bearer " + token).GET());
  }

  private HttpResponse<String> posted(String who, String act, String text, String seen) {
    Map<String, String> fields = new TreeMap<>(Map.of("act", act, "text", text, "seen", seen));
    return sent(who.equals("admin") ? plane.token() : who, NEW, fields);
  }

  private HttpResponse<String> sent(String token, String path, Map<String, String> fields) {
    StringBuilder body = new StringBuilder();
    fields.forEach(
        (name, value) ->
            body.append(name)
                .append('=')
                .append(URLEncoder.encode(value, StandardCharsets.UTF_8))
                .append('&'));
    return plane.send(
        plane
            .request(path)
            .header("Authorization", "Bearer " + token)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(body.toString())));
  }

  private static String text(String page) {
    return found(TEXT, page);
  }

  private static String result(String page) {
    return found(Pattern.compile("id=\"result\"(.*)id=\"text-title\"", Pattern.DOTALL), page);
  }

  private static String button(String act, String page) {
    return found(Pattern.compile("(<button[^>]*value=\"" + act + "\"[^>]*>)"), page);
  }

  private static String found(Pattern pattern, String page) {
    Matcher matcher = pattern.matcher(page);
    assertThat(matcher.find()).as("%s in %s", pattern, page).isTrue();
    return matcher.group(1);
  }

  private long count(String query) {
    return plane.bean(Database.class).call(transaction -> transaction.number(query, model));
  }

  private void sql(String statement, Object... parameters) {
    plane.bean(Database.class).run(transaction -> transaction.update(statement, parameters));
  }
}
