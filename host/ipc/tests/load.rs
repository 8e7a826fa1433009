//! Many clients that say much at once: nothing is lost, and nothing is mixed up.

mod common;

use common::{Place, client, rel};
use vt_client::Tracking;

const CLIENTS: usize = 64;
const MESSAGES: usize = 1000;

#[test]
fn sixty_four_clients_with_a_thousand_messages_each_lose_nothing() {
    let place = Place::new();
    let server = place.server();
    let app = place.app();
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (client, app) = (client(&server), &app);
            scope.spawn(move || {
                for message in 0..MESSAGES {
                    if message % 10 == 0 {
                        let mode = client.get_env("MODE", Tracking::Tracked).unwrap();
                        assert_eq!(mode.unwrap(), "production");
                    } else {
                        client
                            .ignore_input(app.join(format!("{number}/{message}")))
                            .unwrap();
                    }
                }
            });
        }
    });
    let reports = server.finish();
    assert_eq!(reports.failure, None);
    assert_eq!(reports.envs.keys().collect::<Vec<_>>(), ["MODE"]);
    let said = (0..CLIENTS).flat_map(|number| {
        let messages = (0..MESSAGES).filter(|message| message % 10 != 0);
        messages.map(move |message| rel(&format!("app/{number}/{message}")))
    });
    assert_eq!(reports.ignored_inputs, said.collect());
}
