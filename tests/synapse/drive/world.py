"""Who and what there is in a run."""
import dataclasses

from drive.front import Front
from drive.journal import Journal


@dataclasses.dataclass
class Person:
    name: str
    server: str
    address: str
    password: str = "correct horse battery staple"
    devices: list = dataclasses.field(default_factory=list)

    @property
    def user_id(self):
        return f"@{self.name}:{self.server}"

    @property
    def phone(self):
        """The device that acts for the user."""
        return self.devices[0]


@dataclasses.dataclass
class Room:
    id: str
    version: str
    members: list              # of Person; the first made it
    alias: str = ""
    events: list = dataclasses.field(default_factory=list)     # ids of the messages sent once all had joined


@dataclasses.dataclass
class World:
    front: Front
    journal: Journal
    server: str
    registration_secret: str
    people: list = dataclasses.field(default_factory=list)
    rooms: list = dataclasses.field(default_factory=list)
    remotes: list = dataclasses.field(default_factory=list)
    hermits: list = dataclasses.field(default_factory=list)    # users who only wait
    guests: list = dataclasses.field(default_factory=list)     # users who stay for a while
    spoiled: list = dataclasses.field(default_factory=list)    # media that came down differently
    admin: Person = None

    def everyone(self):
        return [*self.people, *self.hermits, *self.guests, *([self.admin] if self.admin else [])]
