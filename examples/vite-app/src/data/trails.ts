import { parseTrails } from "./parse";

const text = `
ridge | Long ridge | north | 18400 | 920 | 2024-05-11 | hard
lake | Around the lake | south | 9600 | 110 | 2024-06-02 | easy
gorge | Lower gorge | north | 7300 | 340 | 2024-06-23 | moderate
moor | High moor | west | 14100 | 280 | 2024-08-17 | moderate
summit | Old summit | east | 21800 | 1480 | 2024-09-08 | hard
`;

export const trails = parseTrails(text);
