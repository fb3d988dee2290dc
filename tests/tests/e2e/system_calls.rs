//! What the kernel answers to the code of a pull request.

use anyhow::ensure;
use harness::{App, Dayfly};

/// Tells what the kernel answers to calls by number, each as the number of an error; 0 is "done".
const CALLS: &str = "
import ctypes, http.server
library = ctypes.CDLL(None, use_errno=True)
def error(call):
    return 0 if library.syscall(*call) >= 0 else ctypes.get_errno()
calls = {
    'io_uring': (425, 1, 0), 'clone3': (435, 0, 0), 'of-tomorrow': (999,), 'mount': (165, 0, 0, 0, 0, 0),
    'vsock': (41, 40, 1, 0), 'alg': (41, 38, 5, 0), 'inet': (41, 2, 1, 0),
    'tipc-pair': (53, 30, 1, 0, None), 'user-namespace': (56, 0x10000000, 0, 0, 0, 0),
}
said = ' '.join(f'{name}={error(call)}' for name, call in calls.items()).encode()
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(said)
http.server.HTTPServer(('', 8080), Answer).serve_forever()
";

#[tokio::test(flavor = "multi_thread")]
async fn system_calls_with_holes_are_refused_and_unknown_ones_do_not_exist() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let app = App::page("calls").with("calls.py", CALLS);
        let app = app.then("COPY calls.py /calls.py\nCMD [\"python3\", \"/calls.py\"]");
        let (_, visitor) = dayfly.open_live("change", &app).await?;
        let said = visitor.text("/").await?;
        let expected =
            "io_uring=38 clone3=38 of-tomorrow=38 mount=1 vsock=97 alg=97 inet=0 tipc-pair=97 user-namespace=1";
        ensure!(said == expected, "{said}");
        Ok(())
    })
    .await
}
